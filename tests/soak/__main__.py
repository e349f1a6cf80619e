"""Soak an engine: every fault there is, for as long as wanted, and every LIVE view compared with the truth."""

from __future__ import annotations

import sys

from tests.soak.command import main

sys.exit(main())
