"""`python -m tests.fuzz TARGET`: one target under atheris (coverage-guided, libFuzzer's engine)."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
LONGEST = 2047
"""Bytes of an input, so that a corpus stays small."""
NAMES = ("frame", "depth_reply", "machine", "router", "recording")


def main(arguments: list[str] | None = None) -> int:
    """Run one target for as long as wanted; does not return while it finds nothing and no time is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, allow_abbrev=False)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, help="end after so long; for ever without it")
    options, others = parser.parse_known_args(arguments)
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("expected atheris to be installed, was not: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["depthactors"]):
        target = importlib.import_module("tests.fuzz.targets").TARGETS[options.target]
    corpus = CORPUS / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    # libFuzzer starts itself anew to merge, by this name and through a shell.
    name = f"{sys.executable} -m tests.fuzz {options.target}"
    settings = [f"-max_len={LONGEST}", f"-dict={HERE / 'words.dict'}", f"-artifact_prefix={corpus}/"]
    if options.seconds is not None:
        settings.append(f"-max_total_time={options.seconds}")
    atheris.Setup([name, *settings, str(corpus), *others], target)
    atheris.Fuzz()
    return 0
