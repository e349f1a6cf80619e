"""Record under faults and kills, and account for every event that the exchange made."""

from __future__ import annotations

import sys

from tests.record.command import main

sys.exit(main())
