"""Publishing: stored events to the bus, at least once, keyed by case; leftovers are swept by any replica."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.clock import now
from shared.contracts.envelope import Message
from shared.errors import Unavailable
from shared.runtime.documents import headers_of, message_of
from shared.runtime.metrics import Metrics
from shared.runtime.store import Store

log = structlog.get_logger()
SWEEP_LEASE = timedelta(seconds=30)
SEND_TIMEOUT = 15.0
AHEAD = 4
"""Transactions that may wait for acknowledgement while a consumer goes on to its next batch."""
LEAVE_TIMEOUT = 5.0
"""What cannot be sent within this many seconds at the end stays in the outbox, for any replica."""


class Publisher:
    """Sends what ``Store.write`` left in the outbox.

    ``idempotence`` of the producer is a setting, for a bus that lacks it; a duplicate is the same id and bytes.
    """

    def __init__(self, bus: str, store: Store, metrics: Metrics, *, idempotence: bool, owner: str) -> None:
        self._store = store
        self._metrics = metrics
        self._owner = owner
        self._settings = {
            "bootstrap_servers": bus,
            "acks": "all",
            "enable_idempotence": idempotence,
            "linger_ms": 0,
            "request_timeout_ms": 10_000,
            "retry_backoff_ms": 200,
            "client_id": owner,
        }
        self.reached: dict[tuple[str, int], int] = {}
        """Below these offsets, by (topic, partition), all that is ours is in the store, which comes before the bus."""
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._done: set[str] = set()
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect where the bus answers; otherwise later sends try again and the outbox grows meanwhile."""
        with contextlib.suppress(Unavailable):
            await self._connected()

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._settings)
                try:
                    await producer.start()
                except BaseException as error:
                    await producer.stop()
                    if not isinstance(error, (KafkaError, OSError)):
                        raise
                    raise Unavailable("The bus does not answer; events wait in the outbox.") from error
                self._producer = producer
            return self._producer

    async def send(self, messages: Sequence[Message]) -> None:
        """Publish and await every acknowledgement. Raises Unavailable."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                producer = await self._connected()
                acknowledgements = [
                    await producer.send(one.topic, value=one.body, key=one.key, headers=list(one.headers))
                    for one in messages
                ]
                for one in await asyncio.gather(*acknowledgements):
                    place = (one.topic, one.partition)
                    self.reached[place] = max(self.reached.get(place, 0), one.offset + 1)
        except (KafkaError, TimeoutError, OSError, Unavailable) as error:
            self._metrics.bus_up.set(0)
            raise Unavailable("The bus does not answer; events wait in the outbox.") from error
        self._metrics.bus_up.set(1)

    async def publish(self, outbox: str, messages: Sequence[Message]) -> None:
        """Publish one transaction's messages; on failure they stay in the outbox for the sweep."""
        with self._metrics.publish.time():
            try:
                await self.send(messages)
            except Unavailable:
                log.warning("bus-unreachable", count=len(messages))
                return
        self._done.add(outbox)

    def publish_soon(self, outbox: str | None, messages: Sequence[Message]) -> None:
        """Publish behind an answer that was already given."""
        if outbox is None:
            return
        task = asyncio.create_task(self.publish(outbox, messages))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def room(self, ahead: int = AHEAD) -> None:
        """Wait until no more than so many transactions are on their way to the bus, so that memory has a bound."""
        while len(self._sending) > ahead:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)

    async def forget(self) -> None:
        """Delete the outbox documents of what was acknowledged, in one transaction. Raises StoreDown."""
        done, self._done = self._done, set()
        if done:
            try:
                await self._store.published(done)
            except BaseException:
                self._done |= done
                raise

    async def sweep(self) -> int:
        """Publish leftovers whose writer did not; gives how many outbox documents. Raises Unavailable."""
        swept = 0
        for document in await self._store.due("outbox", now(), 50):
            if document["_id"] in self._done:
                continue
            claimed = await self._store.claim("outbox", document, owner=self._owner, until=now() + SWEEP_LEASE)
            if claimed is None:
                continue
            events = await self._store.events(claimed["events"])
            refusals = [Message(**{**one, "headers": headers_of(one["headers"])}) for one in claimed["messages"]]
            await self.send([*(message_of(one) for one in events), *refusals])
            self._done.add(document["_id"])
            swept += 1
        return swept

    async def stop(self) -> None:
        """Finish what is being sent, forget it, disconnect."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=LEAVE_TIMEOUT)
        with contextlib.suppress(Unavailable):
            await self.forget()
        if self._producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_TIMEOUT):
                    await self._producer.stop()
