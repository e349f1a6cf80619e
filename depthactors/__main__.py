"""`python -m depthactors` is the console script."""

import sys

from depthactors.cli import main

sys.exit(main())
