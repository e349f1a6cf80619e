"""The engine with its books in one worker process."""

import sys

from depthactors_workers import follow

if __name__ == "__main__":
    follow(1, *sys.argv[1:])
