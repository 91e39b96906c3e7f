"""Judgments: given after a hearing that is known, with the costs awarded to the person; damages stay sealed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import ClassVar, Final, Literal

from services.legal.domain.standing import happened, of_the_team, room
from services.legal.domain.state import Case
from shared.clock import paris_day
from shared.contracts.event import Event, Id, Sealed
from shared.contracts.legal import JudgmentGiven
from shared.errors import NotFound, Refused
from shared.money import Money
from shared.runtime.declaration import Command

MOST_JUDGMENTS: Final = 20


class GiveJudgment(Command):
    """``costs``: awarded for the costs of the case. ``sealed_damages`` (purpose contact): the damages awarded."""

    aggregate: ClassVar[str] = "case"

    judgment: Id
    hearing: Id
    outcome: Literal["convicted", "acquitted", "dismissed", "partly-convicted"]
    day: date
    costs: Money
    sealed_damages: Sealed | None = None
    told_by: Id


def give(state: Case, command: GiveJudgment, now: datetime) -> Iterator[Event]:
    """The judgment as it was given. Raises Refused, NotFound."""
    if not state.file.opened or state.file.erased:
        raise NotFound
    of_the_team(state, command.told_by)
    if command.judgment in state.judgments:
        return
    hearing = state.hearings.get(command.hearing)
    if hearing is None:
        message = "This hearing is not known. Schedule it first, then record what was judged."
        raise Refused("hearing-unknown", message, field="hearing")
    if hearing.status == "cancelled":
        message = "This hearing was cancelled. Name the one after which the judgment was given."
        raise Refused("hearing-cancelled", message, field="hearing")
    happened(command.day, paris_day(now), since=hearing.day)
    if command.costs.cents and command.outcome in {"acquitted", "dismissed"}:
        message = "Without a conviction no costs are borne by the author. Correct the outcome or the costs."
        raise Refused("costs-without-conviction", message, field="costs")
    room(state.judgments, MOST_JUDGMENTS)
    yield JudgmentGiven(
        judgment=command.judgment,
        hearing=command.hearing,
        outcome=command.outcome,
        day=command.day,
        costs=command.costs,
        sealed_damages=command.sealed_damages,
    )
