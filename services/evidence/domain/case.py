"""The case as evidence knows it: who may see it, how many exhibits it has, which holds stand, and how it is forgotten.

An erasure is cleared only when no hold of legal stands: bytes once deleted do not come back. Hence the few seconds
between the plan and the deleting, in which a hold that was placed before it arrives by its own topic.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Final

from pydantic import AwareDatetime

from shared.casefile import CASE_EVENTS, CaseFile
from shared.contracts.event import Event, Id
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.evidence import EvidenceUploaded
from shared.contracts.intake import ErasurePlanned, Role
from shared.contracts.legal import HoldLifted, HoldPlaced
from shared.errors import NotFound
from shared.runtime.declaration import Command, Decision, Job, Recorded, State

MAX_EXHIBITS: Final = 1000
GRACE: Final = timedelta(seconds=5)
FOLLOWED: Final[tuple[type[Event], ...]] = (*CASE_EVENTS, HoldPlaced, HoldLifted, EvidenceUploaded)
"""Evidence follows its own uploads too: that is how the case counts what its children received."""


class CaseState(State):
    """``exhibits``: every one ever received, withdrawn ones included. ``planned``: when each erasure was asked for.

    ``stuck``: the erasures that the object server kept us from; each needs an operator, then a new plan.
    """

    file: CaseFile = CaseFile()
    exhibits: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    lifted: frozenset[str] = frozenset()
    planned: dict[str, AwareDatetime] = {}  # noqa: RUF012 - pydantic copies defaults
    cleared: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()

    @property
    def full(self) -> bool:
        return len(self.exhibits) >= MAX_EXHIBITS

    @property
    def held(self) -> bool:
        """A lawful hold stands: nothing may be deleted."""
        return bool(self.holds - self.lifted)

    @property
    def to_clear(self) -> dict[str, datetime]:
        """The erasures asked for and not cleared, with the instant from which each may be."""
        done = self.cleared | self.stuck
        return {erasure: at + GRACE for erasure, at in self.planned.items() if erasure not in done}


class RecordView(Command):
    """Somebody is about to be given an exhibit: the person's ledger is written first."""

    aggregate: ClassVar[str] = "case"

    viewer: Id
    role: Role
    exhibit: Id


class CaseCleared(Command):
    """All exhibits of the case are forgotten and their bytes deleted; ``tombstones`` counts what traces remain."""

    aggregate: ClassVar[str] = "case"

    erasure: Id
    tombstones: int


class ClearingFailed(Command):
    """Some bytes could not be deleted in two days of trying."""

    aggregate: ClassVar[str] = "case"

    erasure: Id


def decide(state: CaseState, command: RecordView | CaseCleared | ClearingFailed, _now: datetime) -> Decision:
    """Raises NotFound: a view in an unknown or erased case, or the clearing of an erasure that nobody asked for."""
    match command:
        case RecordView():
            if state.file.erased or not state.file.opened:
                raise NotFound
            yield RecordViewed(viewer=command.viewer, role=command.role, record="exhibit", record_id=command.exhibit)
        case CaseCleared(erasure=erasure):
            if erasure not in state.planned:
                raise NotFound
            if erasure not in state.cleared:
                kept = {"exhibit-tombstone": command.tombstones} if command.tombstones else {}
                yield ErasureCleared(erasure=erasure, kept=kept)
        case _:
            if command.erasure not in state.planned:
                raise NotFound
            if command.erasure not in state.cleared | state.stuck:
                yield ErasureObjected(erasure=command.erasure, reason="deletion-failed")


def evolve(state: CaseState, fact: Recorded) -> CaseState:
    match fact.event:
        case EvidenceUploaded(exhibit=exhibit):
            return state.model_copy(update={"exhibits": state.exhibits | {exhibit}})
        case HoldPlaced(hold=hold):
            return state.model_copy(update={"holds": state.holds | {hold}})
        case HoldLifted(hold=hold):
            return state.model_copy(update={"lifted": state.lifted | {hold}})
        case ErasurePlanned(erasure=erasure):
            # The same erasure asked twice is one; the earlier instant stands whichever comes first.
            at = min(fact.time, state.planned.get(erasure, fact.time))
            return state.model_copy(update={"file": state.file.fold(fact), "planned": {**state.planned, erasure: at}})
        case ErasureCleared(erasure=erasure):
            return state.model_copy(update={"cleared": state.cleared | {erasure}})
        case ErasureObjected(erasure=erasure):
            return state.model_copy(update={"stuck": state.stuck | {erasure}})
        case _:
            return state.model_copy(update={"file": state.file.fold(fact)})


def react(state: CaseState, _now: datetime) -> Iterable[Job]:
    """An erasure that no hold stops: forget the exhibits. The worker looks at the holds once more."""
    if not state.held:
        for erasure, due in sorted(state.to_clear.items()):
            yield Job(kind="clear-exhibits", subject=erasure, not_before=due)
