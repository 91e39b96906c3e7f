"""What stands against forgetting a case, and forgetting what legal holds of it.

While a filed complaint waits for its end, a hold stands: proof that a prosecutor may ask for is not destroyed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from services.legal.domain.state import Case
from shared.contracts.event import Event, Id, Kind
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.intake import Role
from shared.contracts.legal import HoldLifted, HoldPlaced
from shared.errors import NotFound
from shared.ids import derived
from shared.runtime.declaration import Command, Job

CLEAR: Final = "clear-documents"
UNDER_WAY: Final = "complaint-under-way"


class DocumentsCleared(Command):
    """Every document of the case is deleted."""

    aggregate: ClassVar[str] = "case"

    erasure: Id


class ClearingFailed(Command):
    """The documents stay: one could not be deleted, or another service objected first."""

    aggregate: ClassVar[str] = "case"

    erasure: Id
    reason: Kind = "deletion-failed"


class RecordView(Command):
    """Somebody is about to be shown something: the person's ledger is written first."""

    aggregate: ClassVar[str] = "case"

    viewer: Id
    role: Role
    record: str
    record_id: Id | None = None


def react(state: Case) -> Iterator[Event | Job]:
    """Holds placed and lifted with the complaints; an answer to each erasure that was asked for."""
    if state.file.erased:
        return
    for complaint, known in sorted(state.complaints.items()):
        hold = derived(state.case, "hold", complaint)
        stands = known.open and not state.judgments
        if stands and hold not in state.holds:
            yield HoldPlaced(hold=hold, reason=UNDER_WAY)
        if not stands and hold in state.holds - state.lifted:
            yield HoldLifted(hold=hold)
    for erasure in sorted(state.file.erasures.keys() - state.settled_erasures):
        if state.complaint_open:
            yield ErasureObjected(erasure=erasure, reason=UNDER_WAY)
        else:
            yield Job(kind=CLEAR, subject=erasure)


def cleared(state: Case, command: DocumentsCleared) -> Iterator[Event]:
    _planned(state, command.erasure)
    if command.erasure not in state.settled_erasures:
        yield ErasureCleared(erasure=command.erasure)


def not_cleared(state: Case, command: ClearingFailed) -> Iterator[Event]:
    _planned(state, command.erasure)
    if command.erasure not in state.settled_erasures:
        yield ErasureObjected(erasure=command.erasure, reason=command.reason)


def viewed(state: Case, command: RecordView) -> Iterator[Event]:
    """One line of the ledger. Raises NotFound where there is no case."""
    if not state.file.opened or state.file.erased:
        raise NotFound
    yield RecordViewed.model_validate(command.model_dump(exclude={"case"}))


def _planned(state: Case, erasure: str) -> None:
    if erasure not in state.file.erasures:
        raise NotFound
