"""Trace context (W3C Trace Context, level 1, section 3.2): which request or fact the present work goes back to."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar

from shared import ids

_PARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("traceparent", default="")


def child_of(traceparent: str) -> str:
    """A ``traceparent`` with a new span in the trace of ``traceparent``, or in a new trace when that is none."""
    known = _PARENT.fullmatch(traceparent)
    trace = known[1] if known and int(known[1], 16) else ids.new().replace("-", "")
    return f"00-{trace}-{ids.new().replace('-', '')[:16]}-01"


def current() -> str:
    """The ``traceparent`` of the present work; empty outside any."""
    return _current.get()


@contextlib.contextmanager
def followed(traceparent: str) -> Iterator[str]:
    """Work in a new span of that trace; gives its ``traceparent``."""
    token = _current.set(child_of(traceparent))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
