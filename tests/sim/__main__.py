"""`python -m tests.sim`: runs of a whole engine in simulated time."""

import sys

from tests.sim.command import main

if __name__ == "__main__":
    sys.exit(main())
