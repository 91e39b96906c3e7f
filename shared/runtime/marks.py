"""Marks: offsets of the bus that a store keeps, below which everything is in it.

They are written each minute, after what they speak of. A store that was restored from a backup has earlier ones than
the bus's own group offsets; so what lies between is read again, and what a service said itself is taken back.
"""

from __future__ import annotations

from typing import Literal

Place = tuple[str, int]
"""A topic and a partition."""
Kind = Literal["published", "followed"]
PUBLISHED: Kind = "published"
"""Below these, this service's own events on the bus are in its store."""
FOLLOWED: Kind = "followed"
"""Below these, what this service follows is in its inbox."""


def mark(kind: Kind, topic: str, partition: int) -> str:
    """The id of a mark."""
    return f"{kind}/{topic}/{partition}"


def place_of(mark_id: str) -> Place:
    """The topic and partition of a mark's id."""
    _, topic, partition = mark_id.split("/")
    return topic, int(partition)
