"""The command line: what it prints and how it ends on arguments that cannot be right."""

import re
import subprocess
import sys
from importlib import metadata

import pytest

from depthactors.cli import main
from tests.support import table


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "depthactors", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@table(
    ("arguments", "words"),
    [
        (["--log", "nonsense", "demo"], "argument --log: expected a level like INFO, was 'nonsense'"),
        (["demo", "--seconds", "nope"], "argument --seconds: expected a number above zero, was 'nope'"),
        (["demo", "--seconds", "0"], "argument --seconds: expected a number above zero, was '0'"),
        (["demo", "--seconds", "-1"], "argument --seconds: expected a number above zero, was '-1'"),
        (["demo", "--seconds", "inf"], "argument --seconds: expected a number above zero, was 'inf'"),
        (["demo", "--seconds", "nan"], "argument --seconds: expected a number above zero, was 'nan'"),
        (["demo", "--seed", "x"], "argument --seed"),
        (["demo", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_wrong_argument_is_one_clear_line_and_status_2(capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output, errors = capsys.readouterr()
    assert (ended.value.code, output) == (2, "")
    lines = [line for line in errors.splitlines() if ": error: " in line]
    assert len(lines) == 1
    assert words in lines[0]
    assert errors.splitlines()[-1] == lines[0], "the error is what stays on the screen"


@table("level", ["DEBUG", "info", "Warning"])
def test_a_level_may_be_spelt_in_any_case(capsys, level):
    with pytest.raises(SystemExit) as ended:
        main(["--log", level, "demo", "--help"])
    assert ended.value.code == 0
    assert "--seconds" in capsys.readouterr().out


def test_no_command_shows_the_help(capsys):
    assert main([]) == 0
    output, errors = capsys.readouterr()
    assert all(f"\n    {command} " in output for command in ("demo", "watch", "replay", "exchange", "sandbox"))
    assert errors == ""


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"depthactors {metadata.version('depthactors')}\n"


def test_without_the_extra_the_commands_that_need_none_work_and_the_others_name_it():
    program = """
import sys
sys.modules["websockets"] = sys.modules["rich"] = None
from depthactors.cli import main
for words in ["watch --attach nobodys --wait 0.01", "replay /nonexistent", "exchange", "sandbox -- true", "demo"]:
    assert main(words.split()) in {1, 2}
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stdout) == (0, "")
    lines = run.stderr.splitlines()
    assert len(lines) == 5
    assert [line.count("depthactors[demo]") for line in lines] == [0, 0, 1, 1, 1]


def test_help_names_the_commands():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo" in done.stdout
    assert "replay" in done.stdout


def test_a_wrong_argument_of_the_program_itself_ends_with_status_2_and_no_traceback():
    done = run("exchange", "--rate", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert "was 'nope'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreadable_recording_is_one_line_with_its_place(tmp_path):
    path = tmp_path / "broken.gz"
    path.write_bytes(b"no recording")
    done = run("replay", str(path))
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@table("command", ["demo", "watch", "replay", "exchange", "sandbox"])
def test_each_option_says_what_it_is(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    entries = re.split(r"\n  (?=\S)", capsys.readouterr().out.partition("\noptions:")[2])[1:]
    words = {entry.split()[0]: re.sub(r"\(default.*?\)", "", entry.partition("  ")[2]).split() for entry in entries}
    assert [option for option, said in words.items() if len(said) < 3] == []
