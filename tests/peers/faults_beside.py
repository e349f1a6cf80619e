"""Let depthactors and python-binance run into the same troubles, and print a table of what their callbacks saw.

Each trouble meets one client at a time, in its own process, on a fresh local exchange. The table is Markdown, one row
as soon as both are done; progress goes to stderr. A client that is not installed is left out: python-binance runs in
the interpreter that DEPTHACTORS_PEERS_PYTHON names, else in the running one. The exit status is 0 when none of
depthactors' books was wrong, 1 when one was, 2 when no client is installed.
"""

import argparse
import json
import sys
from pathlib import Path

import faults_words
from faults_cases import CASES
from faults_judge import BOOK
from faults_run import run
from follow_peers import PEERS, installed_version, interpreter

OURS, THEIRS = PEERS[0], PEERS[1]
FILES = {OURS: "faults_client_depthactors.py", THEIRS: "faults_client_python_binance.py"}


def raw(case, name, version, result):
    """Return all of one run as what JSON can hold, with times from its trouble on."""
    begun = result.watch.begun
    return {
        "fault": case.name,
        "client": name,
        "version": version,
        "starts": result.starts,
        "calm_before": result.calm,
        "last_update_id_before": result.watch.last_id,
        **result.verdict._asdict(),
        "ending": result.ending._asdict(),
        "strikes": result.strikes,
        "log": result.log._asdict(),
        "wrong_examples": [wrong._asdict() | {"truth": truth} for wrong, truth in result.examples],
        "sightings": [_told(each, begun) for each in result.sightings],
    }


def _told(sighting, begun):
    told = {"t": round(sighting.t - begun, 3), "kind": sighting.kind}
    if sighting.kind == BOOK:
        told |= {"update_id": sighting.update_id, "right": sighting.right, "crossed": sighting.crossed}
    if sighting.error:
        told |= {"error": sighting.error, "m": sighting.text}
    return told


def _print(text, file=None):
    (file or sys.stdout).write(f"{text}\n")
    (file or sys.stdout).flush()


def _clients():
    """Return the version and interpreter of each client that is installed."""
    found = {}
    for peer in FILES:
        python = interpreter(peer)
        version = installed_version(peer, python)
        if version is None:
            _print(f"{peer.name}: left out, {python} does not have it; {peer.variable} can name one that does\n")
        else:
            found[peer] = (version, python)
    return found


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="of watching; by default 25, and more where clients may need it")
    parser.add_argument("--exact", action="store_true", help="let snapshots never lag the stream, as the real ones do")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    names = [case.name for case in CASES]
    parser.add_argument("--only", default=",".join(names), metavar="FAULT,...", help=", ".join(names))
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := [name for name in wanted if name not in names]:
        parser.error(f"expected --only with faults of {', '.join(names)}, was {', '.join(unknown)}")
    return given, [case for case in CASES if case.name in wanted]


def _summary(peer, version, results):
    names = ("books", "wrong", "crossed", "never_true", "books_before", "wrong_before")
    total = {name: sum(getattr(each.verdict, name) for each in results) for name in names}
    clean = sum(each.ending.clean for each in results)
    return (
        f"{peer.name} {version}: of {total['books']} books from the faults on, {total['wrong']} were wrong "
        f"({total['crossed']} crossed, {total['never_true']} the exchange's at no time); of {total['books_before']} "
        f"before, {total['wrong_before']}; {sum(each.starts for each in results)} starts for {len(results)} faults; "
        f"stopped cleanly {clean} of {len(results)} times\n"
    )


def main():
    """Run every case with every client, one after the other."""
    given, cases = _arguments()
    clients = _clients()
    if not clients:
        return 2
    version = clients[THEIRS][0] if THEIRS in clients else ""
    _print(faults_words.table_head(OURS.name, f"{THEIRS.name} {version}".strip()))
    results, raws = {peer: [] for peer in clients}, []
    for case in cases:
        row = {}
        for peer, (version, python) in clients.items():
            _print(f"{case.name}: {peer.name}", sys.stderr)
            result = row[peer] = run(case, FILES[peer], python, seconds=given.seconds, lagging=not given.exact)
            results[peer].append(result)
            raws.append(raw(case, peer.name, version, result))
            if given.json is not None:
                given.json.write_text(json.dumps(raws, default=str, indent=1) + "\n")
        _print(faults_words.table_row(case.words, row.get(OURS), row.get(THEIRS)))
    lag = "never behind the stream" if given.exact else "up to two events behind the stream, as the exchange's are"
    _print(f"\nThe snapshots were {lag}.\n")
    for peer, (version, _) in clients.items():
        _print(_summary(peer, version, results[peer]))
    return int(any(each.verdict.wrong + each.verdict.wrong_before for each in results.get(OURS, ())))


if __name__ == "__main__":
    sys.exit(main())
