"""What the tests of the benchmarks share."""

import argparse


def options(**more):
    """Return what the command line would give."""
    given = {"recording": None, "peers": False, "json": None, "repeat": 1, "seconds": 0.3, "symbols": [2]}
    return argparse.Namespace(**given | more)
