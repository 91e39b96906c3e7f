"""The aggregate ``case``: decide, react and wake put together; ``facts`` has evolve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.intake.domain import commands as asked
from services.intake.domain import ending, opening, people
from services.intake.domain.facts import evolve
from services.intake.domain.state import Case
from services.intake.domain.triage import PRESSING, highest, near_from, wanted
from shared.contracts.event import Event
from shared.contracts.everyone import RecordViewed
from shared.contracts.intake import CaseEscalated, CaseUpdated
from shared.ids import derived
from shared.runtime.declaration import Command, Decision, Job, Recorded

__all__ = ["Case", "decide", "evolve", "react", "references", "route", "wake"]


def decide(state: Case, command: Command, now: datetime) -> Decision:
    """What a command makes happen. Raises Refused and NotFound. What was done already is not done again."""
    match command:
        case asked.OpenCase():
            return tuple(opening.open_case(state, command, now))
        case asked.UpdateCase():
            return tuple(opening.update_case(state, command, now))
        case asked.ChangeAccount():
            return tuple(opening.change_account(state, command))
        case asked.Invite():
            return tuple(people.invite(state, command))
        case asked.AcceptInvitation():
            return tuple(people.accept(state, command))
        case asked.Revoke():
            return tuple(people.revoke(state, command))
        case asked.Freeze():
            return tuple(people.freeze(state, command))
        case asked.CheckAuthority():
            return tuple(people.check_authority(state, command))
        case asked.AssignStaff():
            return tuple(people.assign(state, command))
        case asked.ProveIdentity():
            return tuple(people.prove_identity(state, command))
        case asked.CloseCase():
            return tuple(ending.close(state, command))
        case asked.PlanErasure():
            return tuple(ending.plan_erasure(state, command))
        case asked.KeysDestroyed():
            return tuple(ending.keys_destroyed(state, command))
        case asked.DestructionFailed():
            return tuple(ending.destruction_failed(state, command))
        case _:
            raise TypeError(f"A case does not know the command {type(command).__name__}.")


def react(state: Case, now: datetime) -> Iterable[Event | Job]:
    """Deadlines escalate and raise the urgency; an erasure that all have cleared destroys the keys."""
    yield from ending.destruction(state)
    facets = state.file.facets.value
    if facets is not None and not state.file.closed and not state.file.erased:
        yield from _alarms(state)
        urgency = highest([facets.urgency, wanted(state, facets, now)])
        if urgency != facets.urgency:
            yield CaseUpdated(facets=facets.model_copy(update={"urgency": urgency}))


def wake(state: Case) -> datetime | None:
    """When the nearest deadline makes the case critical; None when it already is, or is over."""
    if not state.file.opened or state.file.closed or state.file.erased or state.urgency == "critical":
        return None
    return min((near_from(one.value) for one in state.deadlines.values() if one.value is not None), default=None)


def route(fact: Recorded) -> Iterable[str]:
    """Every followed fact concerns the case, but for readings: those are the ledger's."""
    return () if isinstance(fact.event, RecordViewed) else (fact.case,)


def references(state: Case) -> Iterable[str]:
    """Blind indexes of the codes that open the case: an access's id is that of its code."""
    return tuple(f"locator:{access}" for access in sorted(state.file.accesses))


def _alarms(state: Case) -> Iterator[Event]:
    lawyer = state.file.assigned.get("lawyer")
    for name, latest in sorted(state.deadlines.items()):
        escalation = derived("deadline", name)
        if latest.value is not None and latest.value.kind in PRESSING and escalation not in state.escalations:
            yield CaseEscalated(
                escalation=escalation,
                reason="retention" if latest.value.kind == "data-retention" else "deadline",
                answered_by=lawyer.value if lawyer else None,
            )
