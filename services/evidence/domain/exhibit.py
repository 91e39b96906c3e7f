"""One exhibit: received, timestamped, perhaps taken back or forgotten. Being taken back is final.

An exhibit is usable without a timestamp, so that an authority's outage refuses nothing: the timestamp is asked for
again and again, and the exhibit is refused only where none can ever be had (its sealed digest cannot be read).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.evidence.domain.case import MAX_EXHIBITS, CaseState
from shared.contracts.event import Commitment, Id, Kind, Sealed
from shared.contracts.evidence import (
    EvidenceRefused,
    EvidenceTimestamped,
    EvidenceUploaded,
    EvidenceWithdrawn,
    ExhibitKind,
    Missing,
    Qualification,
)
from shared.contracts.intake import Role
from shared.errors import NotFound, Refused, Unavailable
from shared.runtime.declaration import Command, Decision, Job, Recorded, State

DEPOSITORS: Final[frozenset[Role]] = frozenset(
    {"victim", "witness", "guardian", "institution", "case-worker", "lawyer"}
)
ERASED: Final = "erased"


class Received(BaseModel):
    """What may be known of an upload in clear. ``size`` in bytes; ``at``: aware UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str
    exhibit: str
    commitment: str
    size: int
    media_type: str
    kind: ExhibitKind
    grade: Literal["A", "B", "C", "D"]
    missing: tuple[Missing, ...]
    uploader_role: Role
    declared_day: date | None
    at: AwareDatetime


class Stamp(BaseModel):
    """A timestamp that was verified. ``token`` names the object that holds it, sealed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gen_time: AwareDatetime
    authority: str
    policy: str
    qualification: Qualification
    token: str


class ExhibitState(State):
    """``sealed_details`` (purpose evidence) is dropped as soon as ``withdrawn`` says why the exhibit is gone."""

    received: Received | None = None
    sealed_details: str | None = None
    stamp: Stamp | None = None
    refused: str | None = None
    withdrawn: str | None = None

    @property
    def usable(self) -> bool:
        return self.received is not None and self.refused is None and self.withdrawn is None


class _OfAnExhibit(Command):
    aggregate: ClassVar[str] = "exhibit"

    exhibit: Id

    @property
    def key(self) -> str:
        return self.exhibit


class RegisterUpload(_OfAnExhibit):
    """The bytes are stored, sealed, under the exhibit's id. The shapes are those of evidence-uploaded."""

    commitment: Commitment
    size: Annotated[int, Field(ge=1)]
    media_type: Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")]
    kind: ExhibitKind
    grade: Literal["A", "B", "C", "D"]
    missing: tuple[Missing, ...] = ()
    uploader_role: Role
    declared_day: date | None = None
    sealed_details: Sealed


class TimestampObtained(_OfAnExhibit):
    """A token was obtained, verified and stored."""

    gen_time: AwareDatetime
    authority: Annotated[str, Field(max_length=200)]
    policy: Annotated[str, Field(pattern=r"^[0-9.]+$")]
    qualification: Qualification
    token: Id


class TimestampImpossible(_OfAnExhibit):
    """No authority can ever be asked: the digest cannot be read."""

    reason: Kind


class Withdraw(_OfAnExhibit):
    """Its depositor or the victim takes it back. ``deposited``: the edge opened the details and knows the holder."""

    role: Role
    deposited: bool


class ForgetExhibit(_OfAnExhibit):
    """The erasure of the case reaches this exhibit."""


class ObjectsDeleted(_OfAnExhibit):
    """The bytes of a withdrawn exhibit are gone: it only settles the job."""


ExhibitCommand: TypeAlias = (
    RegisterUpload | TimestampObtained | TimestampImpossible | Withdraw | ForgetExhibit | ObjectsDeleted
)


def decide(state: ExhibitState, command: ExhibitCommand, _now: datetime, case: CaseState) -> Decision:
    """Raises Refused, NotFound, or Unavailable while this service has not read the case's opening."""
    match command:
        case RegisterUpload():
            return _register(state, command, case)
        case TimestampObtained():
            return _timestamped(state, command)
        case TimestampImpossible(exhibit=exhibit, reason=reason):
            return () if not state.usable or state.stamp else (EvidenceRefused(exhibit=exhibit, reason=reason),)
        case Withdraw():
            return _withdraw(state, command, case)
        case ForgetExhibit(exhibit=exhibit):
            return _forget(state, exhibit, case)
        case _:
            # The bytes of a withdrawn exhibit are gone, which everybody may have expected since then.
            return ()


def _register(state: ExhibitState, command: RegisterUpload, case: CaseState) -> Decision:
    open_to_uploads(case)
    if command.uploader_role not in DEPOSITORS:
        raise NotFound
    if state.received or state.withdrawn:
        if state.received and state.received.commitment == command.commitment:
            return ()
        raise Refused("exhibit-exists", "This exhibit exists already: upload the file again.", conflict=True)
    said = command.model_dump(exclude={"case"})
    return (EvidenceUploaded(**said),)


def open_to_uploads(case: CaseState) -> None:
    """Whether the case takes exhibits now. The edge asks before the first byte, the decision once more at the end.

    Raises:
        Unavailable: the case's opening was not read yet. Refused: closed, being forgotten, or full.
    """
    if case.file.erased:
        raise NotFound
    if not case.file.opened:
        raise Unavailable("This case is not known here yet: try again in a second.", retry_after=1)
    if case.planned:
        raise Refused(
            "erasure-planned", "This case is being forgotten: it takes nothing in. Open a new one.", conflict=True
        )
    if case.file.closed:
        raise Refused("case-closed", "This case is closed: ask the team to open a new one.", conflict=True)
    if case.full:
        raise Refused(
            "too-many-exhibits",
            f"This case holds {MAX_EXHIBITS} exhibits, which is all it can: ask the team which ones matter.",
        )


def _timestamped(state: ExhibitState, command: TimestampObtained) -> Decision:
    if not state.usable:
        # The token came after the exhibit had gone: it must not stay behind.
        return (_deletion(command.exhibit, command.token),)
    if state.stamp:
        return ()
    return (EvidenceTimestamped(**command.model_dump(exclude={"case"})),)


def _withdraw(state: ExhibitState, command: Withdraw, case: CaseState) -> Decision:
    if state.withdrawn:
        return ()
    if state.received is None or state.received.case != command.case:
        raise NotFound
    if command.role != "victim" and not command.deposited:
        raise NotFound
    if case.held:
        raise Refused("on-hold", "The law asks to keep this for now: talk to your lawyer first.", conflict=True)
    return (EvidenceWithdrawn(exhibit=command.exhibit), _deletion(command.exhibit, command.exhibit))


def _forget(state: ExhibitState, exhibit: str, case: CaseState) -> Decision:
    if not case.planned or case.held:
        raise Refused("no-erasure", "Nobody asked for this case to be forgotten, or a hold stands.", conflict=True)
    if state.received is None or state.withdrawn:
        return ()
    return (EvidenceWithdrawn(exhibit=exhibit, reason=ERASED),)


def _deletion(exhibit: str, subject: str) -> Job:
    return Job(kind="delete-objects", subject=subject, payload={"exhibit": exhibit})


def evolve(state: ExhibitState, fact: Recorded) -> ExhibitState:
    match fact.event:
        case EvidenceUploaded() as event:
            received = Received(**event.model_dump(exclude={"sealed_details"}), case=fact.case, at=fact.time)
            kept = None if state.withdrawn else event.sealed_details
            return state.model_copy(update={"received": received, "sealed_details": kept})
        case EvidenceTimestamped() as event:
            stamp = Stamp.model_validate({name: getattr(event, name) for name in Stamp.model_fields})
            return state.model_copy(update={"stamp": stamp})
        case EvidenceRefused(reason=reason):
            return state.model_copy(update={"refused": reason})
        case EvidenceWithdrawn(reason=reason):
            return state.model_copy(update={"withdrawn": reason, "sealed_details": None})
        case _:
            return state


def react(state: ExhibitState, _now: datetime) -> Iterable[Job]:
    """An exhibit without a timestamp: have it timestamped, as early as possible."""
    if state.received and state.usable and not state.stamp:
        yield Job(kind="timestamp", subject=state.received.exhibit)
