"""Names that come in a path."""

from __future__ import annotations

import re
from typing import Final

from shared.errors import NotFound

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def is_name(name: str) -> bool:
    """Whether ``name`` may be that of something."""
    return _ID.fullmatch(name) is not None


def named(name: str) -> str:
    """``name``, where it may be that of something. Raises NotFound."""
    if not is_name(name):
        raise NotFound
    return name
