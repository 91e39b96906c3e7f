"""A deposit from its first question to its one command: the bytes first, sealed, then the fact that they are there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from services.evidence.declaring import Declaration, details
from services.evidence.domain.case import CaseState
from services.evidence.domain.exhibit import RegisterUpload, open_to_uploads
from services.evidence.domain.grading import grade_of, missing_from
from services.evidence.receiving import Measured, Reception, forget, receive
from shared import ids
from shared.contracts.evidence import Missing
from shared.contracts.intake import Role
from shared.errors import RecoursError, Unavailable
from shared.runtime.running import Running
from shared.trust.sealing import commitment, new_salt, seal


@dataclass(frozen=True, slots=True)
class Depositor:
    """Who deposits: the opaque id and role of a session that was checked against ``state``."""

    case: str
    holder: str
    role: Role
    state: CaseState

    @property
    def recipient(self) -> str:
        """The case's age recipient for evidence. Raises Unavailable while it is not known here."""
        recipient = self.state.file.recipients.get("evidence")
        if recipient is None:
            raise Unavailable("This case is not known here yet: try again in a second.", retry_after=1)
        return recipient


@dataclass(frozen=True, slots=True)
class Deposited:
    """What is told to the depositor. ``digest``: SHA-256 of the file, hex."""

    exhibit: str
    digest: str
    size: int
    media_type: str
    grade: str
    missing: tuple[Missing, ...]


async def deposit(
    running: Running,
    who: Depositor,
    said: Declaration,
    file: AsyncIterator[bytes],
    register: Callable[[RegisterUpload, Deposited], Awaitable[Any]],
    *,
    announced: int | None = None,
) -> Deposited:
    """Take a file in, then ``register`` it: the one command, with the answer that goes with it.

    Raises:
        Refused, NotFound, Unavailable: nothing was kept.
    """
    open_to_uploads(who.state)
    recipient = who.recipient
    reception: Reception = running.tools
    exhibit = ids.new()
    async with reception.admitted():
        measured = await receive(
            running.objects, file, name=exhibit, recipient=recipient, limits=reception.limits, announced=announced
        )
        command, told = _command(who, said, exhibit, recipient, measured)
        await _registered(running, exhibit, register(command, told))
    return told


def _command(
    who: Depositor, said: Declaration, exhibit: str, recipient: str, measured: Measured
) -> tuple[RegisterUpload, Deposited]:
    missing = missing_from(said.kind, said.shows)
    grade = grade_of(missing)
    salt = new_salt()
    sealed = details(said, digest=measured.digest.hex(), salt=salt.hex(), holder=who.holder)
    command = RegisterUpload(
        case=who.case,
        exhibit=exhibit,
        commitment=commitment(salt, measured.digest),
        size=measured.size,
        media_type=measured.media_type,
        kind=said.kind,
        grade=grade,
        missing=missing,
        uploader_role=who.role,
        declared_day=said.day,
        sealed_details=seal(sealed.content(), recipient),
    )
    told = Deposited(exhibit, measured.digest.hex(), measured.size, measured.media_type, grade, missing)
    return command, told


async def _registered(running: Running, exhibit: str, registering: Awaitable[Any]) -> None:
    """Wait for the command to its end, even when this request is cancelled: only a refusal deletes the bytes.

    After an error that does not say whether the command was stored, the sealed bytes stay: an exhibit without its
    bytes would be worse than bytes without an exhibit.
    """
    task = asyncio.ensure_future(registering)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    error = task.exception()
    if isinstance(error, RecoursError):
        await forget(running.objects, exhibit)
    if cancelled:
        raise asyncio.CancelledError
    if error is not None:
        raise error
