"""What each reader may see of the exhibits: the victim's side all of them, a witness or an institution their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.evidence.domain.case import CaseState, RecordView
from services.evidence.domain.exhibit import ExhibitState, Received, Stamp
from shared.contracts.evidence import ExhibitKind, Missing, Qualification
from shared.contracts.intake import Role
from shared.contracts.sealed import ExhibitDetails, read_sealed
from shared.errors import BrokenContract, NotFound
from shared.runtime.running import Running
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import Purpose, open_chunks

WHOLE: Final[frozenset[Role]] = frozenset({"victim", "guardian", "case-worker", "lawyer"})
OWN: Final[frozenset[Role]] = frozenset({"witness", "institution"})
READERS: Final[frozenset[Role]] = WHOLE | OWN


Reader = Literal["victim", "witness", "guardian", "institution", "team"]
"""To whom the page speaks: the texts of ``texts.toml`` that differ end in one of these."""


class Attested(BaseModel):
    """A timestamp as shown. It says that these bytes existed then, and nothing of who wrote them."""

    model_config = ConfigDict(frozen=True)

    time: AwareDatetime
    authority: str
    qualification: Qualification


class Shown(BaseModel):
    """An exhibit as its reader sees it. ``digest``: SHA-256 of the file, hex. ``mine``: the reader deposited it."""

    model_config = ConfigDict(frozen=True)

    exhibit: str
    name: str
    kind: ExhibitKind
    media_type: str
    size: int
    digest: str
    grade: Literal["A", "B", "C", "D"]
    missing: tuple[Missing, ...]
    day: str | None
    uploaded_at: AwareDatetime
    uploader_role: Role
    mine: bool
    refused: str | None
    timestamp: Attested | None


class Opened(BaseModel):
    """An exhibit that its reader may have, with its details opened."""

    model_config = ConfigDict(frozen=True)

    received: Received
    details: ExhibitDetails
    stamp: Stamp | None


async def shown(running: Running, case: str, holder: str, role: Role) -> list[Shown]:
    """What ``holder`` may see in ``role``, oldest first; what was withdrawn is not there."""
    seen = []
    for _, state in await running.children("exhibit", case):
        details = await _details(running, case, state)
        if state.received and details and (role in WHOLE or details.holder == holder):
            seen.append(_shown(state, state.received, details, holder))
    return sorted(seen, key=lambda one: (one.uploaded_at, one.exhibit))


async def opened(running: Running, case: str, exhibit: str, holder: str, role: Role) -> Opened:
    """The exhibit, if ``holder`` may have it in ``role``. Raises NotFound for all else, alike."""
    state: ExhibitState = await running.load("exhibit", exhibit)
    details = await _details(running, case, state)
    if state.received is None or details is None or not (role in WHOLE or details.holder == holder):
        raise NotFound
    return Opened(received=state.received, details=details, stamp=state.stamp)


async def given(running: Running, case: str, name: str, view: RecordView) -> AsyncIterator[bytes]:
    """The clear bytes of an object, once its first chunk could be opened and the view is in the person's ledger.

    Raises before the first byte: NotFound (not there), KeysDestroyed, Unavailable, BrokenContract (altered). Later
    ones break the iteration off, so that a cut file is never taken for a whole one.
    """
    identity = await running.keyring.case_identity(case, Purpose.EVIDENCE)
    clear = open_chunks(running.objects.get(name), identity)
    try:
        first = await anext(clear, b"")
        await running.carry_out(view)
    except BaseException:
        await clear.aclose()
        raise
    return _resumed(first, clear)


async def _resumed(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


async def _details(running: Running, case: str, state: ExhibitState) -> ExhibitDetails | None:
    if state.received is None or state.received.case != case or state.sealed_details is None:
        return None
    try:
        return read_sealed(ExhibitDetails, await running.reveal(case, Purpose.EVIDENCE, state.sealed_details))
    except (KeysDestroyed, BrokenContract):
        # One that cannot be opened must not hide the others.
        return None


def _shown(state: ExhibitState, received: Received, details: ExhibitDetails, holder: str) -> Shown:
    stamp = state.stamp
    attested = (
        Attested(time=stamp.gen_time, authority=stamp.authority, qualification=stamp.qualification) if stamp else None
    )
    return Shown(
        exhibit=received.exhibit,
        name=details.name,
        kind=received.kind,
        media_type=received.media_type,
        size=received.size,
        digest=details.digest,
        grade=received.grade,
        missing=received.missing,
        day=received.declared_day.isoformat() if received.declared_day else None,
        uploaded_at=received.at,
        uploader_role=received.uploader_role,
        mine=details.holder == holder,
        refused=state.refused,
        timestamp=attested,
    )


def reader_of(role: Role) -> Reader:
    """To whom the page speaks in that role."""
    match role:
        case "victim" | "witness" | "guardian" | "institution":
            return role
        case _:
            return "team"


def role_in(state: CaseState, holder: str) -> Role:
    """The role in which ``holder`` reads, as the case says now. Raises NotFound when there is none."""
    role = state.file.role_of(holder)
    if role is None:
        raise NotFound
    return role
