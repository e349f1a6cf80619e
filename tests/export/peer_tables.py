"""Run by an interpreter that has pandas, polars and DuckDB: the book of our Parquet tables at given times, by each.

Reads a task from standard input, a JSON object: `folder`, and `moments` in nanoseconds. Prints a JSON object: for each
tool that is there a list of books, a row `[side, price, quantity]` a level, numbers as texts.
"""

import json
import sys
from importlib.util import find_spec


def by_pandas(folder, moments):
    import pandas as pd

    deltas, snapshots = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("deltas", "snapshots"))
    for moment in moments:
        time = pd.Timestamp(moment, unit="ns", tz="UTC")
        base = snapshots[snapshots.recv_time <= time]
        base = base[base.snapshot_id == base.snapshot_id.iloc[-1]]
        changes = deltas[(deltas.snapshot_id == base.snapshot_id.iloc[-1]) & (deltas.recv_time <= time)]
        columns = ["side", "price", "quantity"]
        rows = pd.concat([base[columns], changes[columns]]).drop_duplicates(["side", "price"], keep="last")
        yield rows[rows.quantity > 0].astype(str).to_numpy().tolist()


def by_polars(folder, moments):
    import polars as pl

    deltas, snapshots = (pl.scan_parquet(f"{folder}/{name}.parquet") for name in ("deltas", "snapshots"))
    for moment in moments:
        time = pl.lit(moment).cast(pl.Datetime("ns", "UTC"))
        base = snapshots.filter(pl.col("recv_time") <= time).collect()
        last = base["snapshot_id"][-1]
        mine = pl.col("snapshot_id") == last
        changes = deltas.filter(mine & (pl.col("recv_time") <= time)).collect()
        columns = [pl.col("side").cast(pl.String), pl.col("price"), pl.col("quantity")]
        rows = pl.concat([base.filter(mine).select(columns), changes.select(columns)])
        rows = rows.group_by("side", "price", maintain_order=True).last().filter(pl.col("quantity") > 0)
        yield [[side, str(price), str(quantity)] for side, price, quantity in rows.iter_rows()]


QUERY = """
WITH base AS (
    SELECT max_by(snapshot_id, recv_time) AS id FROM '{folder}/snapshots.parquet' WHERE recv_time <= {time}
), rows AS (
    SELECT 0 AS part, file_row_number AS number, side, price, quantity
    FROM read_parquet('{folder}/snapshots.parquet', file_row_number = true), base WHERE snapshot_id = base.id
    UNION ALL
    SELECT 1, file_row_number, side, price, quantity
    FROM read_parquet('{folder}/deltas.parquet', file_row_number = true), base
    WHERE snapshot_id = base.id AND recv_time <= {time}
)
SELECT side, price, arg_max(quantity, (part, number)) AS size FROM rows GROUP BY side, price HAVING size > 0
"""


def by_duckdb(folder, moments):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for moment in moments:
        # The columns are nanoseconds; a cast of a number to such a time takes them.
        time = f"make_timestamp_ns({moment})"
        query = QUERY.format(folder=folder, time=time).replace("recv_time <=", "recv_time::TIMESTAMP_NS <=")
        yield [[str(each) for each in row] for row in connection.execute(query).fetchall()]


def main():
    task = json.load(sys.stdin)
    readers = {"pandas": by_pandas, "polars": by_polars, "duckdb": by_duckdb}
    there = {name: read for name, read in readers.items() if find_spec(name) is not None}
    books = {name: list(read(task["folder"], task["moments"])) for name, read in there.items()}
    print(json.dumps(books))


main()
