"""What every command asks first: whether the case can still be acted upon, who asks, and whether a day can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from services.legal.domain.state import Case
from shared.contracts.intake import Role
from shared.errors import NotFound, Refused

TEAM: frozenset[Role] = frozenset({"case-worker", "lawyer"})


def usable(state: Case) -> None:
    """Raises NotFound where there is no case, Refused where it is closed or being forgotten."""
    if not state.file.opened or state.file.erased:
        raise NotFound
    if state.file.closed:
        raise Refused("case-closed", "This case is closed. Open a new one to act again.", conflict=True)
    if state.forgetting:
        raise Refused("erasure-under-way", "This case is being erased: nothing more is written.", conflict=True)


def of_the_team(state: Case, by: str) -> None:
    """Raises NotFound unless ``by`` is a case worker or the lawyer of this case."""
    if state.file.role_of(by) not in TEAM:
        raise NotFound


def the_lawyer(state: Case, by: str, field: str) -> None:
    """Raises Refused unless ``by`` is the lawyer assigned to this case."""
    assigned = state.file.assigned.get("lawyer")
    if assigned is None or assigned.value != by:
        message = "Only the lawyer assigned to this case may do this. Have the case assigned first."
        raise Refused("not-the-lawyer", message, field=field)


def happened(day: date, today: date, *, since: date | None = None) -> None:
    """Raises Refused for a day to come, or one before ``since``."""
    if day > today:
        raise Refused("day-in-future", "This day is still to come. Give the day it happened.", field="day")
    if since is not None and day < since:
        message = f"This cannot have been before {since.isoformat()}. Check the day."
        raise Refused("day-too-early", message, field="day")


def room(known: Mapping[str, object], most: int) -> None:
    """Raises Refused where a case already has ``most`` of something."""
    if len(known) >= most:
        raise Refused("too-many", f"A case takes {most} of these. Open another case for the rest.", conflict=True)


def one_of(value: str, allowed: Collection[str], field: str) -> None:
    """Raises Refused, naming what may be chosen."""
    if value not in allowed:
        raise Refused("not-a-choice", f"Choose one of: {', '.join(sorted(allowed))}.", field=field)
