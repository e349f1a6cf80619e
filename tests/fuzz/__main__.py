"""Fuzz one target with atheris; what it finds is kept in the target's corpus."""

from __future__ import annotations

import sys

from tests.fuzz.command import main

sys.exit(main())
