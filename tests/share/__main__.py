"""Prove books in shared memory: millions of views beside a writer, and processes killed at random."""

from __future__ import annotations

import sys

from tests.share.command import main

sys.exit(main())
