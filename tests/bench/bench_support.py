"""What the tests of the benchmarks share."""

import argparse


def options(**more):
    """Return what the command line would give."""
    given = {"recording": None, "peers": False, "json": None, "repeat": 1, "seconds": 0.3, "books": [2]}
    given |= {"clients": None, "quick": False, "checkout": None}
    return argparse.Namespace(**given | more)
