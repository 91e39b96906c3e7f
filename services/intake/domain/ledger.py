"""The aggregate ``ledger``: who read what of a case, by intake's own word and the other services'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from services.intake.domain.commands import RecordView
from shared.contracts.event import Event
from shared.contracts.everyone import RecordViewed
from shared.contracts.intake import Role
from shared.runtime.declaration import Recorded, State

LONGEST = 500
SAME_READING = timedelta(minutes=15)
"""Readings of one record by one person within it are one reading."""


class Reading(BaseModel):
    """``at`` aware UTC; ``source`` the service that showed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    source: str
    viewer: str
    role: Role
    record: str
    record_id: str | None = None


class Ledger(State):
    """The newest readings, by the id of the event that says them."""

    readings: dict[str, Reading] = Field(default_factory=dict)

    @property
    def newest_first(self) -> tuple[Reading, ...]:
        return tuple(self.readings[one] for one in sorted(self.readings, key=self._order, reverse=True))

    def _order(self, one: str) -> tuple[datetime, str]:
        return self.readings[one].at, one


def decide(state: Ledger, command: RecordView, now: datetime) -> Iterator[Event]:
    """A reading, unless the same person read the same a moment ago."""
    wanted = (command.viewer, command.role, command.record, command.record_id)
    recent = any(
        (one.viewer, one.role, one.record, one.record_id) == wanted
        and one.source == "intake"
        and now - one.at < SAME_READING
        for one in state.readings.values()
    )
    if not recent:
        yield RecordViewed(viewer=command.viewer, role=command.role, record=command.record, record_id=command.record_id)


def evolve(state: Ledger, fact: Recorded) -> Ledger:
    """The ledger with one more reading; the newest ``LONGEST`` stay, in whatever order they come."""
    match fact.event:
        case RecordViewed() as event:
            reading = Reading(
                at=fact.time,
                source=fact.source,
                viewer=event.viewer,
                role=event.role,
                record=event.record,
                record_id=event.record_id,
            )
            grown = Ledger(readings={**state.readings, fact.id: reading})
            kept = sorted(grown.readings, key=grown._order)[-LONGEST:]  # noqa: SLF001
            return Ledger(readings={one: grown.readings[one] for one in kept})
        case _:
            return state


def route(fact: Recorded) -> Iterable[str]:
    """Readings alone; everything else is the case's."""
    return (fact.case,) if isinstance(fact.event, RecordViewed) else ()
