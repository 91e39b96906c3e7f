"""What facts, wakes and commands write with: one transaction, counted in its epoch, published behind it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from shared.clock import now
from shared.errors import Unavailable
from shared.runtime.batches import Group
from shared.runtime.checkpoints import Entry, Epochs
from shared.runtime.declaration import Service
from shared.runtime.documents import DeadLetter, Publication, Writes
from shared.runtime.folding import Outcome
from shared.runtime.locks import Locks
from shared.runtime.messages import Signer, to_message
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.store import Store
from shared.runtime.transactions import CommitUnknown, Conflict
from shared.runtime.unbroken import unbroken


class Writing:
    """The store, the bus and the locks of one process. ``work`` is set when a transaction left jobs to do."""

    def __init__(
        self,
        service: Service,
        store: Store,
        publisher: Publisher,
        signer: Signer,
        epochs: Epochs,
        metrics: Metrics,
    ) -> None:
        self.service = service
        self.store = store
        self.publisher = publisher
        self.signer = signer
        self.epochs = epochs
        self.metrics = metrics
        self.locks = Locks()
        self.work = asyncio.Event()

    def add(self, writes: Writes, outcome: Outcome, epoch: str, traceparent: str) -> None:
        """Add what an aggregate emitted to a transaction's writes."""
        writes.publications.extend(
            Publication(one, to_message(one, self.signer, epoch=epoch, traceparent=traceparent), epoch)
            for one in outcome.events
        )
        writes.jobs.extend((outcome.loaded, job, traceparent) for job in outcome.jobs)

    async def write(self, writes: Writes, entry: Entry | None = None) -> str | None:
        """Write, and count what was written in its epoch, also where the caller is cancelled meanwhile."""
        return await unbroken(self._written(writes, entry))

    async def _written(self, writes: Writes, entry: Entry | None) -> str | None:
        with self.metrics.transaction.time():
            try:
                outbox = await self.store.write(writes, now=now())
            except CommitUnknown:
                if entry is not None:
                    entry.doubt()
                raise
        if entry is not None:
            entry.stored(writes.publications)
        for one in writes.publications:
            self.metrics.events.labels(one.message.topic).inc()
        if writes.jobs:
            self.work.set()
        return outbox

    async def hold(self, aggregate_id: str, group: Group, letters: list[DeadLetter]) -> None:
        """Hold an aggregate whose state may be one that can be neither read nor written."""
        if not letters:
            return
        writes = Writes(dead_letters=letters)
        if await self.store.find("states", aggregate_id) is None:
            blank = (await self.store.load({aggregate_id: (group.declared, group.case)}))[aggregate_id]
            writes.states.append((group.declared, replace(blank, held=len(letters))))
        else:
            writes.holding.append((aggregate_id, len(letters)))
        await self.write(writes)

    async def record(self, writes: Writes) -> None:
        """Write what concerns no aggregate: a partner's message and the answer to it.

        Raises:
            Unavailable: the store does not answer, or the message was settled by another meanwhile.
        """
        try:
            outbox = await self.write(writes)
        except Conflict as conflict:
            raise Unavailable("Somebody else has just settled this message; look again.") from conflict
        self.publisher.publish_soon(outbox, writes.messages)
