"""A file on its way in: hashed in clear, measured, known by its first bytes, sealed, stored; never whole in memory.

Each stage pulls from the one before it, so a slow object server slows the sender down and nothing piles up. What does
not reach its end leaves nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import ClientDisconnect

from services.evidence.content import HEAD_BYTES, UNKNOWN, is_program, media_type
from shared.errors import Refused, Unavailable
from shared.objects import Objects
from shared.settings import PREFIX
from shared.trust.sealing import seal_chunks
from shared.web.bodies import TooLarge

FRAMING_BYTES: Final = 64 * 1024
"""What a form may add around the file: its fields and boundaries."""

GATHERED_BYTES: Final = 512 * 1024


class Limits(BaseSettings):
    """The bounds of an upload, from the environment (prefix ``RECOURS_EVIDENCE_``)."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}EVIDENCE_", frozen=True, extra="ignore")

    max_bytes: int = Field(default=2 * 1024**3, ge=1, description="largest exhibit, bytes")
    at_once: int = Field(default=16, ge=1, description="uploads taken in at once by one process, about 30 MB each")
    idle_seconds: float = Field(default=60, gt=0, description="an upload that sends nothing for so long is given up")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen while a file went by. ``digest``: 32 bytes, SHA-256 of the clear bytes."""

    size: int
    digest: bytes
    media_type: str


@dataclass(slots=True)
class Reception:
    """The uploads of one process: its limits, and how many are under way."""

    limits: Limits = field(default_factory=Limits)
    under_way: int = 0

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """A place among the uploads. Raises Unavailable when all are taken."""
        if self.under_way >= self.limits.at_once:
            raise Unavailable("Many files are arriving right now: send it again in a moment.", retry_after=5)
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1


@dataclass(slots=True)
class _Meter:
    chunks: AsyncIterator[bytes]
    limits: Limits
    announced: int | None
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    digest: Any = field(default_factory=hashlib.sha256)
    kind: str = UNKNOWN

    async def passing(self) -> AsyncIterator[bytes]:
        gathered = bytearray()
        async for chunk in patient(self.chunks, self.limits.idle_seconds):
            self.size += len(chunk)
            if self.size > self.limits.max_bytes:
                raise TooLarge(self.limits.max_bytes)
            if len(self.head) < HEAD_BYTES:
                self.head += chunk[: HEAD_BYTES - len(self.head)]
                if is_program(bytes(self.head)):
                    # Before the rest is taken in; the whole look comes at the end.
                    media_type(bytes(self.head))
            gathered += chunk
            # A network's chunks are small, and each one further on costs a change of thread.
            if len(gathered) >= GATHERED_BYTES:
                self.digest.update(gathered)
                yield bytes(gathered)
                gathered.clear()
        self.digest.update(gathered)
        yield bytes(gathered)
        if self.size == 0:
            raise Refused("empty-file", "This file is empty: choose it again, it may not have been saved yet.")
        if self.announced is not None and self.size != self.announced:
            raise Refused("length-differs", "The file that came is not as long as announced: send it again.")
        self.kind = media_type(bytes(self.head))


async def receive(
    objects: Objects,
    chunks: AsyncIterator[bytes],
    *,
    name: str,
    recipient: str,
    limits: Limits,
    announced: int | None = None,
) -> Measured:
    """Store ``chunks`` sealed to ``recipient`` (age1...) under ``name``, and say what they were.

    ``announced``: the length in bytes that the sender declared, if any. Whatever goes wrong, cancellation included,
    nothing stays under ``name``.

    Raises:
        Refused: empty, too long, of another length than announced, cut off, too slow, or a program.
        Unavailable: the object server is away.
    """
    if announced is not None and announced > limits.max_bytes:
        raise TooLarge(limits.max_bytes)
    meter = _Meter(chunks, limits, announced)
    try:
        async with aclosing(seal_chunks(meter.passing(), recipient)) as sealed:
            await objects.put(name, sealed)
    except BaseException as error:
        await forget(objects, name)
        if isinstance(error, ClientDisconnect):
            raise cut_off() from None
        raise
    return Measured(meter.size, meter.digest.digest(), meter.kind)


async def forget(objects: Objects, name: str) -> None:
    """Delete what an upload stored, also while this task is being cancelled; a server that is away keeps it, sealed."""
    deleting = asyncio.ensure_future(objects.delete(name))
    while not deleting.done():
        try:
            await asyncio.wait({deleting})
        except asyncio.CancelledError:
            continue
    deleting.exception()


async def patient(chunks: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """``chunks``, refused when nothing comes for ``seconds``."""
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise Refused("too-slow", "The file stopped coming: send it again where the network is better.") from None
        if chunk is None:
            return
        yield chunk


def cut_off() -> Refused:
    """The refusal of an upload that ended before its end."""
    return Refused("cut-off", "The upload broke off before its end and nothing was kept: send the file again.")
