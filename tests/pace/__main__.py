"""Start many books, and tell how fast that went by the weight that the exchange allows."""

from __future__ import annotations

import sys

from tests.pace.command import main

sys.exit(main())
