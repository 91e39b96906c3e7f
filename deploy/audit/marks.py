"""What two copies of a record are compared by, and how rows of it are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from deploy.audit.sorting import Sorter
from shared.contracts.envelope import Header

ON_BUS, IN_STORE, AS_OBJECT = 0, 1, 2
"""Where a row's copy was seen; the last part of most keys."""


class Rows:
    """The sorted rows of one audit.

    ``events``: (aggregate, sequence, event id, where). ``inbox``: (aggregate of the follower, event id, where).
    ``epochs``: (service, epoch, event id or "" for its checkpoint, where). ``checkpoints``: (service, writer, number,
    where). ``unpublished``: (event id, 0 where an outbox promises it, 1 where the bus lacks it).
    """

    def __init__(self, directory: Path) -> None:
        self.events = Sorter(directory, "events")
        self.inbox = Sorter(directory, "inbox")
        self.epochs = Sorter(directory, "epochs")
        self.checkpoints = Sorter(directory, "checkpoints")
        self.unpublished = Sorter(directory, "unpublished")


def mark(topic: str, key: bytes, headers: Sequence[Header], body: bytes) -> bytes:
    """SHA-256 over a whole record: topic, key, every header in its order, body; each with its length."""
    digest = hashlib.sha256()
    for part in (topic.encode(), key, *(part for name, value in headers for part in (name.encode(), value)), body):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


def header(headers: Sequence[Header], name: str) -> str:
    """The text of a header, empty where it is not there."""
    return next((value.decode("utf-8", "replace") for one, value in headers if one == name), "")
