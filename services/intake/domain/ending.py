"""How a case ends: closed, or forgotten once every service has cleared and nothing stands against it."""

from __future__ import annotations

from collections.abc import Iterator

from services.intake.domain.commands import CloseCase, DestructionFailed, KeysDestroyed, PlanErasure
from services.intake.domain.people import asking, is_opener, usable
from services.intake.domain.state import CLEARING, Case
from shared.contracts.event import Event
from shared.contracts.intake import CaseClosed, CaseErased, CaseEscalated, ErasurePlanned
from shared.errors import NotFound, Refused
from shared.ids import derived
from shared.runtime.declaration import Job

MOST_ERASURES = 30


def close(state: Case, command: CloseCase) -> Iterator[Event]:
    usable(state, closed=True)
    role = asking(state, command.by, {"victim", "case-worker", "lawyer"}, opener=True)
    if state.file.closed:
        return
    if state.complaint_open:
        message = "A complaint is under way. Wait for its answer, or ask the lawyer to withdraw it."
        raise Refused("complaint-open", message, conflict=True)
    if role not in {"case-worker", "lawyer"} and command.reason not in {"solved", "withdrawn"}:
        raise Refused("reason-not-yours", "Choose one of: solved, withdrawn.", field="reason")
    yield CaseClosed(reason=command.reason)


def failed(erasure: str) -> str:
    """The id of the escalation that says that the keys could not be destroyed."""
    return derived("destruction-failed", erasure)


def under_way(state: Case) -> str | None:
    """The erasure that is being carried out: planned, nobody objected, and it did not fail."""
    return next(
        (
            erasure
            for erasure in sorted(state.file.erasures)
            if not state.file.erased and not state.objections.get(erasure) and failed(erasure) not in state.escalations
        ),
        None,
    )


def plan_erasure(state: Case, command: PlanErasure) -> Iterator[Event]:
    usable(state, closed=True)
    role = state.file.role_of(command.by)
    if role not in {"victim", "lawyer"} and not is_opener(state, command.by):
        raise NotFound
    if command.erasure in state.file.erasures:
        return
    if under_way(state) is not None:
        raise Refused("erasure-under-way", "This case is already being erased. Wait for its end.", conflict=True)
    if holds := state.standing_holds:
        until = f" until {holds[0].until.isoformat()}" if holds[0].until else ""
        message = f"The law holds this case{until} ({holds[0].reason}). Ask the team, then try again."
        raise Refused("erasure-held", message, conflict=True)
    if state.complaint_open:
        message = (
            "A complaint was filed and is not answered yet. Wait for the answer, or ask the lawyer to withdraw it."
        )
        raise Refused("complaint-open", message, conflict=True)
    if len(state.file.erasures) >= MOST_ERASURES:
        raise Refused("too-many-erasures", "This was asked too often. Write to the team.", conflict=True)
    yield ErasurePlanned(erasure=command.erasure, requested_by=command.requested_by)


def destruction(state: Case) -> Iterator[Job]:
    """The job that destroys the keys, once all have cleared, nobody objected and no hold stands."""
    erasure = under_way(state)
    if erasure is not None and state.cleared_by(erasure) == CLEARING and not state.standing_holds:
        yield Job(kind="destroy-keys", subject=erasure)


def keys_destroyed(state: Case, command: KeysDestroyed) -> Iterator[Event]:
    if state.file.erased:
        return
    if command.erasure not in state.file.erasures or state.cleared_by(command.erasure) != CLEARING:
        raise Refused("not-cleared", "Not every service has cleared for this erasure.", field="erasure", conflict=True)
    # An objection that comes after the keys are gone cannot bring them back: what happened is said.
    yield CaseErased(erasure=command.erasure, certificate=command.certificate)


def destruction_failed(state: Case, command: DestructionFailed) -> Iterator[Event]:
    if not state.file.erased and failed(command.erasure) not in state.escalations:
        yield CaseEscalated(escalation=failed(command.erasure), reason="retention")
