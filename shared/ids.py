"""Identifiers: drawn at the edge (never in a domain), or derived so that a repeat gives the same one."""

from __future__ import annotations

import uuid

_EVENTS = uuid.UUID("6f0f8f0e-5d3b-5c1e-9f0e-7265636f7572")


def new() -> str:
    """A random UUID (version 4), canonical lower-case text."""
    return str(uuid.uuid4())  # noqa: TID251 - the one place that draws ids


def event_id(aggregate: str, sequence: int) -> str:
    """The id of an aggregate's event: uuid5 of aggregate id and sequence, so that a replay gives the same one."""
    return str(uuid.uuid5(_EVENTS, f"{aggregate}#{sequence}"))


def derived(*parts: str) -> str:
    """A UUID (version 5) that depends on ``parts`` alone."""
    return str(uuid.uuid5(_EVENTS, "\x1f".join(parts)))
