"""The engine with its books in two worker processes."""

import sys

from depthactors_workers import follow

if __name__ == "__main__":
    follow(2, *sys.argv[1:])
