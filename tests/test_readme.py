"""The first page: short, shown by PyPI, and each of its blocks runs as it stands, in the order in which they stand."""

import argparse
import os
import re
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest

from depthactors.cli import serving
from tests.page_support import ADDRESS, ROOT, anchors, blocks, python_blocks, text

README = text("README.md")
PROGRAMS = python_blocks("README.md")
QUICK = [program.replace("timeout=5", "timeout=3") for program in PROGRAMS]
LEVELS = r"\[\[[\d.e-]+, [\d.e-]+\], "


def test_it_is_short():
    assert len(README.splitlines()) <= 130


def test_its_links_are_absolute_and_lead_to_files_and_headings_that_are_there():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 5
    for link in links:
        path, _, heading = link.partition("#")
        name = re.fullmatch(
            rf"(?:{ADDRESS}/blob|https://raw.githubusercontent.com/depthactors/depthactors)/main/(.+)", path
        )[1]
        assert (ROOT / name).is_file(), link
        assert not heading or heading in anchors(ROOT / name), link


def test_its_picture_is_small_and_shows_three_live_books():
    picture = ROOT / "examples" / "demo.svg"
    assert picture.stat().st_size < 60_000
    words = "".join(ET.parse(picture).getroot().itertext()).replace("\xa0", " ")
    assert all(f"{symbol} LIVE" in words for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")), words


def test_the_figures_of_its_claims_are_those_of_the_pages_that_have_the_commands():
    figures = text("tests/peers/README.md") + text("tests/bench/README.md") + text("tests/README.md")
    claims = re.findall(r"^\| \*\*.+\| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    assert len(claims) == 4
    for said, commands in claims:
        for number in re.findall(r"\d[\d.,]*\d|\d", said):
            assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d.,]*\d)", figures), said
        for command in re.findall(r"`(.+?)`", commands):
            assert command.removesuffix(" --peers") in figures


def test_its_python_blocks_can_be_pasted_into_a_prompt():
    for program in PROGRAMS:
        # An empty line ends a function or a `with` there; the prompt of Python 3.11 takes no other.
        assert not re.search(r"\n\n(?= )", program), program
        assert not program.splitlines()[-1].startswith(" "), program


def prompt(lines, **environment):
    """Paste lines into a Python prompt; returns what is printed, without the prompts, and stderr."""
    done = subprocess.run(
        [sys.executable, "-iq"],
        input=lines,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.fixture
def sandbox():
    """What a plain sandbox serves, only faster."""
    parser = argparse.ArgumentParser()
    serving.add_options(parser, port=0)
    with serving.open_exchange(parser.parse_args(["--rate", "50", "--levels", "5"])) as exchange:
        yield exchange.url


def test_its_programs_run_one_after_the_other_in_a_prompt(sandbox):
    out, err = prompt("\n\n".join(QUICK), DEPTHACTORS_EXCHANGE=sandbox)
    assert "Error" not in err
    assert_printed(out)


def assert_printed(out):
    assert len(re.findall(rf"BNBBTC {LEVELS}", out)) > 1
    assert re.search(r"^\([\d.]+, [\d.]+\) [\d.]+$", out, re.MULTILINE), out
    assert re.search(r"<BookView BTCUSDT LIVE", out), out
    assert re.search(r"<BookView BTCUSDT STOPPED", out), out


def test_the_first_program_reports_a_wrong_symbol_and_ends(sandbox):
    began = time.monotonic()
    out, err = prompt(QUICK[0].replace("BNBBTC", "BNBBTX"), DEPTHACTORS_EXCHANGE=sandbox)
    assert time.monotonic() - began < 20.0
    assert re.search("^BinanceAPIException .*does not list 'BNBBTX'", out, re.MULTILINE)
    assert "Traceback" not in err


@pytest.mark.full
@pytest.mark.timeout(600)
def test_its_blocks_are_pasted_into_a_shell_of_a_fresh_clone(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("a source distribution cannot be cloned")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    # What the tests do is `.ci/run`'s to see: here they are one file.
    # A prompt that reads from a pipe would read ahead what is pasted after it; a terminal gives it a line at a time.
    environment = os.environ | {"PYTEST_ADDOPTS": "--numprocesses 0 tests/test_errors.py", "PYTHONUNBUFFERED": "1"}
    environment.pop("DEPTHACTORS_EXCHANGE", None)
    shell = subprocess.run(
        ["bash", "-eo", "pipefail"],
        input="\n\n".join([*(block for _, block in blocks("README.md", "sh", "python")), "exit()", "echo all pasted"]),
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    told = shell.stdout + shell.stderr
    assert shell.returncode == 0, told
    assert shell.stdout.count(" equal to the exchange's at update ") == 3, told
    assert re.search(r"\d+ passed", shell.stdout), told
    assert re.search(r"recorded \d+ frames, .* 0 gaps, 1 file\b", told), told
    assert (clone / "btcusdt.csv.gz").stat().st_size > 1_000, told
    assert_printed(shell.stdout)
    assert shell.stdout.endswith("all pasted\n"), told
