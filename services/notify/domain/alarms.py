"""When a human of the team is needed, and whether somebody took it.

Two facts say that an alarm is taken, and neither is compared by its hour. A page's link that a member of the team
opens names the alarm. Taking the case stands after the escalation in intake's own numbering of the case, where order
means something; having had the case before takes nothing, and a deadline is taken by a lawyer alone.

A filed complaint takes nothing: it names no deadline, and a simple one leaves a press limit running.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from services.notify.domain.planning import present
from services.notify.domain.state import Case, Deadline, DeadlineKind
from shared.ids import derived

Reason = Literal["danger", "erasure"] | DeadlineKind
_ANYBODY: Final = frozenset({"case-worker", "lawyer"})
_LAWYER: Final = frozenset({"lawyer"})


@dataclass(frozen=True, slots=True)
class Alarm:
    """A human is needed since ``at`` (UTC). ``key`` is what taking it names; ``last_day`` Europe/Paris, inclusive."""

    key: str
    reason: Reason
    at: datetime
    last_day: date | None = None


def standing_alarms(state: Case) -> Iterator[Alarm]:
    """The alarms that nobody took yet. What is erased has none; a closed case only that of its own erasure."""
    if state.file.erased:
        return
    for erasure in state.file.erasures:
        yield from _escalated(state, derived("destruction-failed", erasure), "erasure")
    if not state.file.closed:
        for escalation, said in present(state.escalations):
            if said.reason == "danger":
                yield from _escalated(state, escalation, "danger")
        yield from _of_deadlines(state)


def _escalated(state: Case, escalation: str, reason: Literal["danger", "erasure"]) -> Iterator[Alarm]:
    latest = state.escalations.get(escalation)
    if latest is not None and latest.value is not None and not _taken(state, escalation, latest.sequence, _ANYBODY):
        yield Alarm(escalation, reason, latest.value.at)


def _of_deadlines(state: Case) -> Iterator[Alarm]:
    """One alarm for all that were threatened at one instant, which is one decision of legal: a raid makes many.

    A deadline of silence opens a way instead of closing one, so those are an alarm of their own.
    """
    waiting: dict[str, list[Deadline]] = {}
    for name, deadline in present(state.deadlines):
        # Intake escalates a deadline under the id that derives from the deadline's.
        heard = state.escalations.get(derived("deadline", name))
        opens = "opens" if deadline.kind == "no-answer" else "closes"
        key = derived("alarm", state.case, deadline.at.isoformat(), opens)
        if not _taken(state, key, heard.sequence if heard is not None else None, _LAWYER):
            waiting.setdefault(key, []).append(deadline)
    for key, deadlines in waiting.items():
        nearest = min(deadlines, key=lambda one: (one.last_day, one.kind))
        yield Alarm(key, nearest.kind, nearest.at, nearest.last_day)


def _taken(state: Case, key: str, escalated: int | None, hands: frozenset[str]) -> bool:
    """``escalated``: intake's sequence of the escalation, None where none was heard; ``hands``: whose taking counts."""
    if key in state.taken:
        return True
    latest = (one.sequence for role, one in state.file.assigned.items() if role in hands)
    return escalated is not None and escalated < max(latest, default=0)
