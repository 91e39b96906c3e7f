"""What commands print tables and sentences on."""

from __future__ import annotations

import sys

from rich.console import Console


def console() -> Console:
    """Plain text, as wide as the terminal; where there is none, so wide that no row of a table is broken."""
    return Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)
