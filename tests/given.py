"""Given facts, when a command or an instant, then events: the shape of every domain test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.contracts.event import Event
from shared.ids import event_id
from shared.runtime.declaration import Command, Job, Recorded, Service
from shared.runtime.folding import Loaded, Outcome, absorb, blank, carry_out, settle

CASE = "11111111-1111-4111-8111-111111111111"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def followed(
    event: Event, *, sequence: int = 1, case: str = CASE, source: str | None = None, aggregate: str | None = None
):
    """A fact as another service published it. Its identity depends on aggregate and sequence alone."""
    owner = source or event.owner or "intake"
    source_aggregate = aggregate or f"{owner}/case/{case}"
    return Recorded(
        id=event_id(source_aggregate, sequence),
        source=owner,
        aggregate=source_aggregate,
        sequence=sequence,
        time=NOON,
        case=case,
        event=event,
    )


@dataclass
class Given:
    """One aggregate of a service under test; each call of ``when`` or ``at`` goes on from what came before."""

    service: Service
    aggregate: str
    key: str = CASE
    case: str = CASE
    parent: Any = None
    loaded: Loaded = field(init=False)
    _sequences: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    def __post_init__(self):
        declared = self.service.aggregate(self.aggregate)
        self.loaded = blank(declared, declared.id(self.service.name, self.key), self.case)

    @property
    def state(self):
        return self.loaded.state

    def facts(self, *events: Event, source: str | None = None) -> Given:
        """Fold followed events, in order, as their owner's (or ``source``'s) next ones; nothing reacts yet."""
        declared = self.service.aggregate(self.aggregate)
        for event in events:
            owner = source or event.owner or "intake"
            self._sequences[owner] = self._sequences.get(owner, 0) + 1
            fact = followed(event, sequence=self._sequences[owner], case=self.case, source=owner)
            self.loaded = absorb(declared, self.loaded, [fact])
        return self

    def when(self, command: Command, now: datetime = NOON) -> tuple[Event, ...]:
        """Carry out a command and settle; gives the events. Raises what the domain raises."""
        declared = self.service.aggregate(self.aggregate)
        return self._take(
            carry_out(
                declared,
                self.service.name,
                self.loaded,
                command,
                now,
                parent=self.parent,
                cause="test",
                correlation="test",
            )
        )

    def at(self, now: datetime = NOON) -> tuple[Event, ...]:
        """Let ``react`` speak at ``now``; gives the events."""
        declared = self.service.aggregate(self.aggregate)
        return self._take(settle(declared, self.service.name, self.loaded, now, cause="test", correlation="test"))

    def _take(self, outcome: Outcome) -> tuple[Event, ...]:
        self.loaded = outcome.loaded
        events = tuple(recorded.event for recorded in outcome.events)
        self.events.extend(events)
        self.jobs.extend(outcome.jobs)
        return events
