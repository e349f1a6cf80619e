"""`depthactors export`: what it prints, and how it ends."""

import gzip
import io
import signal
import subprocess
import sys

import orjson
import pytest

from depthactors.cli import main
from depthactors.export.reader import StepReader
from tests.support import write_recording

BEGIN = 1_700_000_000_000_000_000


def event(update_id, symbol="BTCUSDT", **more):
    levels = {"b": [["99", "1"]], "a": [["101", "2"]]}
    ids = {"E": update_id, "U": update_id, "u": update_id}
    return {"e": "depthUpdate", "s": symbol} | ids | levels | more


SNAPSHOT = {"lastUpdateId": 10, "bids": [["98", "1"]], "asks": [["102", "1"]]}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write_messages(name, *messages):
        texts = map(orjson.dumps, messages)
        write_recording(tmp_path / name, ((BEGIN + number, text) for number, text in enumerate(texts)))

    write_messages("good.gz", SNAPSHOT, event(11), event(12))
    return write_messages


def test_it_says_what_it_wrote(write, capsys, tmp_path):
    assert main(["export", "good.gz", "--to", "tardis", "-o", "out.csv.gz"]) == 0
    assert capsys.readouterr() == ("out.csv.gz: BTCUSDT (spot) 2 events, 6 rows, 1 snapshot, 0 gaps\n", "")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).count(b"\n") == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_half_done(write, tmp_path, monkeypatch, number):
    monkeypatch.setattr(StepReader, "exported", lambda *_: pytest.fail("expected no end"))
    monkeypatch.setattr(StepReader, "steps", lambda *_, **_options: iter(lambda: signal.raise_signal(number), 0))
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended:
        main(["export", "good.gz", "--to", "tardis", "-o", "out.csv.gz"])
    assert (ended.value.code, signal.getsignal(number)) == (128 + number, before)
    assert [path.name for path in tmp_path.iterdir()] == ["good.gz"]


@pytest.mark.parametrize("target", ["tardis", "hftbacktest", "parquet"])
def test_one_symbol_of_a_folder_with_several(write, capsys, tmp_path, target):
    if target != "tardis":
        pytest.importorskip("pyarrow", reason="the extra `export` is not installed")
    write("eth.gz", SNAPSHOT, event(11, symbol="ETHUSDT"))
    arguments = ["export", str(tmp_path), "--to", target, "-o", "out.npz"]
    assert main(arguments) == 2
    assert "expected a recording of ETHUSDT" in capsys.readouterr().err
    assert main([*arguments, "--symbol", "ethusdt"]) == 0
    assert capsys.readouterr().out.startswith("out.npz: ETHUSDT (spot) 1 event, ")


def test_a_cut_file_is_exported_with_a_warning_and_status_0(write, capsys, tmp_path):
    whole = gzip.compress(b"".join(b"%d %s\n" % (n, orjson.dumps(m)) for n, m in enumerate([SNAPSHOT, event(11)], 1)))
    (tmp_path / "cut.gz").write_bytes(whole[:-9])
    assert main(["export", "cut.gz", "--to", "tardis", "-o", "out"]) == 0
    output, errors = capsys.readouterr()
    assert "1 event, " in output
    assert errors.startswith("depthactors: warning: cut.gz:")
    assert "cut short" in errors


def test_a_gap_that_nothing_repairs_is_a_warning_and_status_1(write, capsys):
    write("gap.gz", SNAPSHOT, event(11), event(13), event(14))
    assert main(["export", "gap.gz", "--to", "tardis", "-o", "out"]) == 1
    output, errors = capsys.readouterr()
    assert output == "out: BTCUSDT (spot) 1 event, 4 rows, 1 snapshot, 1 gap\n"
    assert errors == "depthactors: warning: 2 events between a gap and the next snapshot are left out\n"


def test_what_cannot_be_exported_is_one_line_and_status_2_and_leaves_nothing(write, capsys, tmp_path):
    write("bad.gz", SNAPSHOT, event(11, b=[["x", "1"]]))
    write("other.gz", event(11, symbol="ETHUSDT"))
    write("empty.gz")
    before = sorted(tmp_path.iterdir())
    for files, out, words in (
        (["bad.gz"], "out", "bad.gz:2: expected levels"),
        (["good.gz", "other.gz"], "out", "other.gz: expected a recording of BTCUSDT"),
        (["empty.gz"], "out", "empty.gz: expected a depth event"),
        (["none.gz"], "out", "none.gz: No such file"),
        (["good.gz"], "other.gz", "'other.gz', which exists"),
        (["good.gz"], "none/out", "none/out: No such file or directory"),
    ):
        assert main(["export", *files, "--to", "tardis", "-o", out]) == 2
        output, errors = capsys.readouterr()
        assert (output, errors.count("\n")) == ("", 1)
        assert words in errors
    assert sorted(tmp_path.iterdir()) == before


def test_an_unknown_target_lists_the_known_ones(write, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["export", "good.gz", "--to", "excel", "-o", "out"])
    assert ended.value.code == 2
    assert "'excel' (choose from " in capsys.readouterr().err


def test_without_the_extra_tardis_is_written_and_the_others_name_it(write, tmp_path):
    program = (
        "import sys\n"
        "sys.modules['numpy'] = sys.modules['pyarrow'] = sys.modules['rich'] = None\n"
        "from depthactors.cli import main\n"
        "for target in ['tardis', 'hftbacktest', 'parquet']:\n"
        "    print(main(['export', 'good.gz', '--to', target, '-o', 'out.npz']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert [line for line in done.stdout.splitlines() if line.isdigit()] == ["0", "2", "2"]
    needs = "depthactors: depthactors.export.to_{} needs the package {!r}: pip install 'depthactors[export]'\n"
    assert done.stderr == needs.format("hftbacktest", "numpy") + needs.format("parquet", "pyarrow")


def test_the_last_book_is_hftbacktests_alone(write, capsys, tmp_path):
    pytest.importorskip("numpy", reason="the extra `export` is not installed")
    arguments = ["export", "good.gz", "-o", "out.npz", "--last-book", "last.npz", "--to"]
    assert main([*arguments, "tardis"]) == 2
    assert "expected --last-book with --to hftbacktest only" in capsys.readouterr().err
    assert main([*arguments, "hftbacktest"]) == 0
    assert {"out.npz", "last.npz"} <= {path.name for path in tmp_path.iterdir()}


def test_on_a_terminal_a_bar_grows_and_is_gone_at_the_end(write, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["export", "good.gz", "--to", "tardis", "-o", "out"]) == 0
    assert "2 events" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K"), "the line of the bar is cleared"
    assert capsys.readouterr().out.startswith("out: ")
