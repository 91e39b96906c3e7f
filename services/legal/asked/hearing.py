"""Hearings and what was judged after them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from services.legal.asked.place import Asked, Place, sealed
from services.legal.domain.hearings import CalledBy, EndHearing, Kind, MoveHearing, ScheduleHearing
from services.legal.domain.judgment import GiveJudgment
from services.legal.domain.state import Case
from services.legal.rules.vocabulary import Area
from shared import ids
from shared.contracts.event import Id
from shared.contracts.sealed import Damages, HearingDetails
from shared.money import Money
from shared.runtime.declaration import Command


class _Called(Asked):
    """When and where a hearing is, and how the party was called."""

    day: date
    called_by: CalledBy | None = None
    served_on: date | None = None
    area: Area = Area.MAINLAND
    details: HearingDetails | None = None

    def stated(self, state: Case) -> dict[str, Any]:
        """The same as the fields of a command, the place sealed."""
        details = self.details or HearingDetails()
        return {
            **{name: getattr(self, name) for name in ("day", "called_by", "served_on", "area")},
            "sealed_details": sealed(state, "contact", details) if details.content() else None,
        }


class HearingAsked(_Called):
    kind: Kind

    def command(self, place: Place) -> Command:
        return ScheduleHearing(
            case=place.case,
            hearing=ids.new(),
            kind=self.kind,
            told_by=place.by,
            **self.stated(place.state),
        )


class MoveAsked(_Called):
    def command(self, place: Place) -> Command:
        return MoveHearing(case=place.case, hearing=place.path["hearing"], told_by=place.by, **self.stated(place.state))


class EndAsked(Asked):
    status: Literal["cancelled", "held"]

    def command(self, place: Place) -> Command:
        return EndHearing(case=place.case, hearing=place.path["hearing"], status=self.status, told_by=place.by)


class JudgmentAsked(Asked):
    """``costs_cents`` and ``damages_cents`` in euro cents."""

    hearing: Id
    outcome: Literal["convicted", "acquitted", "dismissed", "partly-convicted"]
    day: date
    costs_cents: Annotated[int, Field(ge=0, le=10**12)] = 0
    damages_cents: Annotated[int, Field(ge=0, le=10**12)] | None = None

    def command(self, place: Place) -> Command:
        damages = None if self.damages_cents is None else Damages(cents=self.damages_cents)
        return GiveJudgment(
            case=place.case,
            judgment=ids.new(),
            hearing=self.hearing,
            outcome=self.outcome,
            day=self.day,
            costs=Money(cents=self.costs_cents),
            sealed_damages=None if damages is None else sealed(place.state, "contact", damages),
            told_by=place.by,
        )
