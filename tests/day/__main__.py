"""A day of trading in minutes: rotations, shutdowns and refreshes, and not an update lost."""

from __future__ import annotations

import sys

from tests.day.command import main

sys.exit(main())
