"""Measure how fast the library is, by ratios within one run, beside its peers if wanted."""

from __future__ import annotations

import sys

from tests.bench.command import main

sys.exit(main())
