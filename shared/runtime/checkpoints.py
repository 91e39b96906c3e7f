"""Epochs and checkpoints: what one writer stored, so that cutting the newest events from bus and store shows.

A writer is one run of one replica. Each event carries ``ce_epoch`` = ``<writer>/<number>``; when an epoch ends, a
checkpoint says how many events it has and a digest over them, chained to the checkpoint before. It travels on its
topic and is kept as an object outside the store. What a crash leaves in an open epoch is not covered.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from shared.contracts.envelope import Header, Message, signed_bytes
from shared.contracts.everyone import Checkpoint
from shared.runtime.documents import Publication

GENESIS = "0" * 64


def fingerprint(headers: Iterable[Header], body: bytes) -> str:
    """SHA-256 (hex) of an event's signed bytes."""
    return hashlib.sha256(signed_bytes(headers, body)).hexdigest()


def digest_of(lines: Iterable[tuple[str, str]]) -> str:
    """The digest of an epoch: SHA-256 over its sorted lines ``<event id> <fingerprint>``."""
    return hashlib.sha256("\n".join(sorted(f"{one} {mark}" for one, mark in lines)).encode()).hexdigest()


@dataclass(slots=True)
class _Epoch:
    number: int
    lines: list[tuple[str, str]] = field(default_factory=list)
    doubtful: bool = False
    writing: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Epochs:
    """The open epoch of this writer. One at a time; a transaction belongs to the epoch it entered."""

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self._epoch = _Epoch(1)
        self._closing: _Epoch | None = None
        self._previous = GENESIS

    @property
    def number(self) -> int:
        """The number of the open epoch."""
        return self._epoch.number

    @contextlib.asynccontextmanager
    async def entered(self) -> AsyncIterator[Entry]:
        """Take part in the open epoch, which does not end before the block does."""
        epoch = self._epoch
        epoch.writing += 1
        try:
            yield Entry(f"{self.writer}/{epoch.number}", epoch)
        finally:
            epoch.writing -= 1
            if epoch.writing == 0:
                epoch.idle.set()

    async def close(self, *, final: bool = False) -> Checkpoint | None:
        """End the open epoch and say what it holds; None when it is empty and not the final one.

        An epoch whose ``close`` was cancelled is ended first, and is then not the final one. One with a commit of
        unknown outcome has no checkpoint: it could only say what may be wrong.
        """
        while True:
            resumed = self._closing is not None
            epoch = self._closing or self._epoch
            if not (epoch.lines or epoch.writing or epoch.doubtful or final):
                return None
            if not resumed:
                self._closing, self._epoch = epoch, _Epoch(epoch.number + 1)
            while epoch.writing:
                epoch.idle.clear()
                await epoch.idle.wait()
            self._closing = None
            if not epoch.doubtful:
                return Checkpoint(
                    writer=self.writer,
                    number=epoch.number,
                    count=len(epoch.lines),
                    digest=digest_of(epoch.lines),
                    previous=self._previous,
                    final=final and not resumed,
                )

    def chained(self, message: Message) -> None:
        """Remember the published checkpoint as the one before the next."""
        self._previous = fingerprint(message.headers, message.body)


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction's part in an epoch: say ``stored`` after its commit, ``doubt`` when its outcome is unknown."""

    epoch: str
    _of: _Epoch

    def stored(self, publications: Sequence[Publication]) -> None:
        self._of.lines.extend(
            (one.recorded.id, fingerprint(one.message.headers, one.message.body)) for one in publications
        )

    def doubt(self) -> None:
        self._of.doubtful = True
