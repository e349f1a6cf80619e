"""Our exports beside what other tools make of the same recordings."""

from __future__ import annotations

import sys

from tests.export.command import main

sys.exit(main())
