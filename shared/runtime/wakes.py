"""Wakes: asking ``react`` again although no fact came."""

from __future__ import annotations

from datetime import datetime

from shared import trace
from shared.clock import now
from shared.errors import Unavailable
from shared.runtime.batches import Group, Plan
from shared.runtime.declaration import Aggregate, key_of
from shared.runtime.documents import Writes
from shared.runtime.folding import Loaded, Outcome
from shared.runtime.letters import letter_of, reason_of
from shared.runtime.transactions import Conflict
from shared.runtime.writing import Writing


class Wakes:
    """How due wakes become reactions."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    async def wake(self, aggregate_id: str, until: datetime) -> None:
        """Ask ``react`` again where the wake is due by ``until``. Conflicts leave it for later. Raises StoreDown."""
        declared = self._writing.service.aggregate_of(aggregate_id)
        async with self._writing.locks.hold([aggregate_id]):
            try:
                await self._woken(declared, aggregate_id, until)
            except Conflict:
                self._writing.metrics.conflicts.inc()
            except Unavailable:
                raise
            except Exception as error:  # it holds this aggregate: the other wakes go on
                group = Group(declared, key_of(aggregate_id))
                letter = letter_of(Loaded(aggregate_id, group.case, None), "react", reason_of(error), now())
                await self._writing.hold(aggregate_id, group, [letter])

    async def _woken(self, declared: Aggregate, aggregate_id: str, until: datetime) -> None:
        before = (await self._writing.store.load({aggregate_id: (declared, "")}))[aggregate_id]
        moment = now()
        if before.held or before.wake is None or before.wake > min(until, moment):
            return
        if not before.pending and (moment - before.wake).total_seconds() > 60:
            self._writing.metrics.late_wakes.inc()
        plan = Plan(Outcome(before), before)
        plan.settle(
            declared,
            self._writing.service.name,
            before,
            moment,
            cause=f"wake:{before.wake.isoformat()}",
            correlation="",
        )
        async with self._writing.epochs.entered() as entry:
            writes = Writes(states=[(declared, plan.outcome.loaded)], dead_letters=plan.dead_letters)
            self._writing.add(writes, plan.outcome, entry.epoch, trace.child_of(""))
            outbox = await self._writing.write(writes, entry)
        self._writing.publisher.publish_soon(outbox, [one.message for one in writes.publications])
