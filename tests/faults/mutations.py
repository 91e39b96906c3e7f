"""Planted defects, each patched into the runtime of one process; ``MUTATIONS`` names them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any, Final

from shared import ids
from shared.runtime import claims as _claims
from shared.runtime import consumer as _consumer
from shared.runtime import folding as _folding
from shared.runtime import operations as _operations
from shared.runtime import progress as _progress
from shared.runtime import publisher as _publisher
from shared.runtime import store as _store

claims: Any = _claims
consumer: Any = _consumer
folding: Any = _folding
operations: Any = _operations
progress: Any = _progress
publisher: Any = _publisher
store: Any = _store
"""The modules as anything at all: what is patched here has types that a patch need not have."""


def offsets_first() -> None:
    """Offsets are committed before the transaction."""
    process, commit = consumer.EventConsumer._process, consumer.EventConsumer._commit

    async def processed(self: Any, records: Any) -> None:
        await commit(self, [consumer.arrival_of(one, self._keys()) for one in records])
        await process(self, records)

    async def nothing(_self: Any, _arrivals: Any) -> None:
        return

    consumer.EventConsumer._process, consumer.EventConsumer._commit = processed, nothing


def inbox_dropped() -> None:
    """The inbox is not written."""
    true = operations.operations

    def without(*given: Any) -> Any:
        outbox, found = true(*given)
        return outbox, {**found, "inbox": []}

    store.operations = without


def never_swept() -> None:
    """Leftovers of the outbox stay."""

    async def nothing(_self: Any) -> int:
        return 0

    publisher.Publisher.sweep = nothing


def unfenced() -> None:
    """A result counts whoever holds the job by now, however late it is stored."""
    bulk, told = store.Store._bulk, claims.Jobs._told

    async def unguarded(self: Any, collection: str, requests: Any, session: Any) -> None:
        with contextlib.suppress(store.Fenced):
            await bulk(self, collection, requests, session)

    async def patient(self: Any, worker: Any, command: Any, attempt: Any, job: Any, _until: float) -> None:
        # A process that was frozen may find its connections cut: it stores the result on the next one.
        await told(self, worker, command, attempt, job, math.inf)

    store.Store._bulk, claims.Jobs._told = unguarded, patient


def reacts_while_catching_up() -> None:
    """``react`` speaks of what is absent although it may only be late."""
    progress.Progress.current = lambda *_: True
    consumer.MAX_RECORDS = 1
    # The subscriber takes the number when it is made, in this process: small batches show the defect at once.


def ids_of_cause() -> None:
    """An event's id is made from its cause and type."""
    emit = folding._emit

    def emitted(aggregate: Any, service: Any, outcome: Any, said: Any, now: Any, **rest: Any) -> Any:
        said = list(said)
        names = iter([one.name for one in said if not isinstance(one, folding.Job)])
        true = folding.event_id
        folding.event_id = lambda one, _sequence: ids.derived(one, rest["cause"], next(names))
        try:
            return emit(aggregate, service, outcome, said, now, **rest)
        finally:
            folding.event_id = true

    folding._emit = emitted


def handler_raises() -> None:
    """The consumer's handler lets its exception out instead of going back."""

    async def _raising(self: Any, records: Any) -> None:
        async with self._busy:
            if self.leaving:
                return
            await self._process(records)
            ends = {consumer.TopicPartition(one.topic, one.partition): one.offset + 1 for one in records}
            self.progress.stored(ends)

    consumer.EventConsumer._handle = _raising


def no_key() -> None:
    """Events are published without a key."""
    send = publisher.AIOKafkaProducer.send

    async def keyless(self: Any, topic: str, **rest: Any) -> Any:
        return await send(self, topic, **{**rest, "key": None})

    publisher.AIOKafkaProducer.send = keyless


MUTATIONS: Final[dict[str, Callable[[], None]]] = {
    "offsets-first": offsets_first,
    "inbox-dropped": inbox_dropped,
    "never-swept": never_swept,
    "unfenced": unfenced,
    "reacts-while-catching-up": reacts_while_catching_up,
    "ids-of-cause": ids_of_cause,
    "handler-raises": handler_raises,
    "no-key": no_key,
}


def plant(name: str) -> None:
    """Plant the mutation of this name; none for an empty one."""
    if name:
        MUTATIONS[name]()
