"""A service that follows the feed, small enough that what is measured is the runtime; and its consumer, timed."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from shared.contracts.everyone import RecordViewed
from shared.contracts.intake import CaseUpdated
from shared.runtime.consumer import EventConsumer
from shared.runtime.declaration import Aggregate, Command, Recorded, Service, State
from shared.runtime.engine import Engine
from shared.runtime.progress import Progress
from tests.bench.side import Measured, Plan, Watch

READ_WITHIN = 240.0


class Seen(State):
    """``heard``: updates followed; ``said``: own events; ``days``: what the last update told."""

    heard: int = 0
    said: int = 0
    noted: int = 0
    days: tuple[str, ...] = ()


class Note(Command):
    """One own event more."""

    aggregate: ClassVar[str] = "case"
    number: int


def decide(_state: Seen, command: Note, _now: datetime):
    yield RecordViewed(viewer=f"commander-{command.number}", role="lawyer", record="dossier")


def evolve(state: Seen, fact: Recorded) -> Seen:
    match fact.event:
        case CaseUpdated(facets=facets):
            days = tuple(sorted({act.day.isoformat() for act in facets.acts} | set(state.days)))
            return state.model_copy(update={"heard": state.heard + 1, "days": days})
        case RecordViewed(viewer="follower"):
            return state.model_copy(update={"said": state.said + 1})
        case RecordViewed():
            return state.model_copy(update={"noted": state.noted + 1})
    return state


def say_each(state: Seen, _now: datetime):
    """One own event for each followed one."""
    for _ in range(state.heard - state.said):
        yield RecordViewed(viewer="follower", role="lawyer", record="dossier")


def quiet(_state: Seen, _now: datetime):
    return ()


def service(name: str, *, talks: bool = False) -> Service:
    """A follower; with ``talks`` it publishes one event for each that it follows."""
    aggregate = Aggregate("case", Seen, decide, evolve, say_each if talks else quiet)
    return Service(name=name, aggregates=(aggregate,), publishes=(RecordViewed,), follows=(CaseUpdated,))


def name() -> str:
    """A name nobody had: each run reads with a consumer group of its own."""
    return "bench" + "".join(random.choices(string.ascii_lowercase, k=10))


class _Live(Progress):
    """A feed that was put on the bus beforehand is history; here it counts as what comes now, so that react speaks."""

    def current(self, number: int, now: datetime) -> bool:
        return True


class Timed(EventConsumer):
    """The runtime's consumer; it counts what was handled and stops the watch at the last record."""

    def __init__(self, *given: Any, plan: Plan, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.progress = _Live()
        self.watch = Watch(plan)
        self.batches = 0
        self.begin: Path | None = None
        """A file that is made when the first record is there."""
        self._places: set[tuple[str, int, int]] = set()
        self._expected: int = plan["count"]
        self._ended = asyncio.Event()

    async def _handle(self, records: tuple[Any, ...]) -> None:
        if self.begin is not None:
            self.begin.touch()
        self.watch.start()
        self.batches += 1
        await super()._handle(records)
        # Of a batch that failed the offsets go back and come again: a set counts each once.
        stored: Mapping[tuple[str, int], int] = self.progress.reached()
        self._places |= {
            (one.topic, one.partition, one.offset)
            for one in records
            if one.offset < stored.get((one.topic, one.partition), 0)
        }
        if len(self._places) >= self._expected:
            self._ended.set()

    def costs(self, engine: Engine) -> dict[str, float]:
        """Where the time went by the runtime's own metrics: seconds of folding, transactions and publishing."""
        metrics = engine.writing.metrics
        found = {"batches": float(self.batches)}
        for name, histogram in (
            ("fold", metrics.fold),
            ("transaction", metrics.transaction),
            ("publish", metrics.publish),
        ):
            for sample in next(iter(histogram.collect())).samples:
                if sample.name.endswith("_sum"):
                    found[f"{name}_seconds"] = sample.value
                elif sample.name.endswith("_count"):
                    found[f"{name}_times"] = sample.value
        return found

    async def read(self) -> Measured:
        """Everything expected, handled."""
        async with asyncio.timeout(READ_WITHIN):
            await self._ended.wait()
            await self._engine.writing.publisher.room(0)
        return self.watch.stop(len(self._places), batches=self.batches)
