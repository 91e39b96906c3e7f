"""Consuming: one FastStream batch subscriber for every followed topic, offsets committed after the transaction.

The handler never raises (FastStream would deliver the next batch) and never waits out an outage: it seeks back,
pauses, returns. Parser and decoder are ours (``raw_records``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shared.clock import now
from shared.contracts.partners import PartnerMessage
from shared.errors import Unavailable
from shared.runtime.batches import Group
from shared.runtime.declaration import Service
from shared.runtime.engine import Engine
from shared.runtime.marks import Place
from shared.runtime.messages import Arrival, reread
from shared.runtime.progress import Progress
from shared.runtime.raw_records import arrival_of, decode, parse
from shared.trust.signing import KeySet

log = structlog.get_logger()
MAX_RECORDS = 500
REBALANCE_TIMEOUT_MS = 10_000
"""How long a rebalance waits for a member. A slow one is put out and joins again: the inbox makes that harmless.

The embedded bus forgets by this time, not by the session's, a member that died while it joined; with the client's
default of five minutes nobody else was assigned anything meanwhile (measured).
"""
PAUSE = timedelta(seconds=1)
COMMIT_TIMEOUT = 5.0
LONGEST_PAUSE = timedelta(seconds=15)

OutsideHandler = Callable[[Arrival], Awaitable[None]]


class EventConsumer:
    """The consuming side of one service's process.

    Args:
        outside: what to do with a partner's message (topics of ``Service.accepts``).
        refresh: fetches the services' keys again, for a message whose key is unknown.
        marks: the offsets below which the store has everything; a partition is read from there when they are below the
            group's, as in a store restored from a backup. None: from the group's offsets.
    """

    def __init__(
        self,
        service: Service,
        engine: Engine,
        keys: Callable[[], KeySet],
        *,
        bus: str,
        name: str,
        outside: OutsideHandler | None = None,
        refresh: Callable[[], Awaitable[None]] | None = None,
        marks: Callable[[], Awaitable[Mapping[Place, int]]] | None = None,
        session_timeout: timedelta = timedelta(seconds=6),
    ) -> None:
        self.progress = Progress()
        self.leaving = False
        self._service = service
        self._engine = engine
        self._keys = keys
        self._outside = outside
        self._refresh = refresh
        self._marks = marks
        self._partner_topics: dict[str, type[PartnerMessage]] = {
            one.message.topic: one.message for one in service.accepts
        }
        self._busy = asyncio.Lock()
        self._deal = 0
        self._back: set[TopicPartition] = set()
        self._failures = 0
        self._resuming: asyncio.Task[None] | None = None
        self._uncommitted: dict[TopicPartition, int] = {}
        """Handled, and not known to be committed."""
        self._committing: asyncio.Task[None] | None = None
        self._commits = asyncio.Lock()
        """One commit at a time: of two the bus would keep the one that came last, be it the lower."""
        quiet = logging.getLogger("recours.faststream")
        quiet.setLevel(logging.CRITICAL)
        self._broker = KafkaBroker(bus, logger=quiet, client_id=name)
        self._subscriber = self._broker.subscriber(
            *sorted({*(event.name for event in service.follows), *self._partner_topics}),
            batch=True,
            group_id=f"recours-{service.name}",
            max_records=MAX_RECORDS,
            batch_timeout_ms=200,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RangePartitionAssignor,),
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=int(session_timeout.total_seconds() * 1000),
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            heartbeat_interval_ms=int(session_timeout.total_seconds() * 1000 / 3),
            no_reply=True,
            parser=parse,
            decoder=decode,
            listener=_Listener(self),
        )
        self._subscriber(self._handle)

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        return self._subscriber.consumer

    async def start(self) -> None:
        """Join the group. Raises Unavailable when the bus does not answer."""
        try:
            await self._broker.start()
        except (KafkaError, OSError) as error:
            with contextlib.suppress(Exception):
                await self._broker.stop()
            raise Unavailable("The bus does not answer.") from error

    async def stop(self) -> None:
        """Stop fetching, finish the batch in hand, leave the group."""
        self.leaving = True
        async with self._busy:
            pass
        # Without the lock: a batch that was just fetched, or a rebalance, would wait for it, and the broker for them.
        for task in (self._resuming, self._committing):
            if task:
                task.cancel()
        with contextlib.suppress(KafkaError, OSError):
            await self._broker.stop()

    @property
    def broken(self) -> bool:
        """Whether the client's group task has ended: nothing public tells, and the client does not begin it again."""
        coordinator = getattr(self.consumer, "_coordinator", None)
        task: asyncio.Task[None] | None = getattr(coordinator, "_coordination_task", None)
        return task is not None and task.done() and not self.leaving

    async def observe(self) -> None:
        """Learn where new partitions begin and how far this member has read. Raises Unavailable."""
        consumer = self.consumer
        if consumer is None:
            return
        unknown = [one for one in consumer.assignment() if not self.progress.known(one)]
        if unknown:
            await self._learn(consumer, unknown)
        self.progress.observe(consumer)
        if self._uncommitted and (self._committing is None or self._committing.done()):
            self._committing = asyncio.create_task(self._commit_rest(consumer))

    async def _learn(self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        """Everything below the group's offset was stored, unless the store's own mark is lower: it goes back there.

        Without an offset of the group it begins at the log's beginning, and the client is told so: a Kafka that is
        coming up says "none" of offsets that it has not loaded yet (aiokafka does not look at that answer's error), so
        that we and the client, who asked at different times, may have been told differently. Raises Unavailable also
        where partitions were dealt out meanwhile: what was learnt, and a seek, is of the old deal.
        """
        deal = self._deal
        marks = None if self._marks is None else await self._marks()
        try:
            committed = dict(
                zip(partitions, await asyncio.gather(*(consumer.committed(one) for one in partitions)), strict=True)
            )
            beginnings = await consumer.beginning_offsets(list(partitions))
        except (KafkaError, OSError) as error:
            raise Unavailable("The bus does not answer.") from error
        if deal != self._deal:
            raise Unavailable("The partitions were dealt out anew.")
        held = consumer.assignment()
        for one, group in committed.items():
            start = beginnings[one] if group is None else group
            if marks is not None:
                start = min(start, max(marks.get((one.topic, one.partition), 0), beginnings[one]))
            start = self.progress.assigned(one, start)
            if one in held and (group is None or start < group):
                consumer.seek(one, start)
                self._back.add(one)

    async def _handle(self, records: tuple[ConsumerRecord[bytes, bytes], ...]) -> None:
        async with self._busy:
            if self.leaving:
                return
            ends: dict[TopicPartition, int] = {}
            starts: dict[TopicPartition, int] = {}
            for record in records:
                partition = TopicPartition(record.topic, record.partition)
                starts.setdefault(partition, record.offset)
                ends[partition] = record.offset + 1
            try:
                if await self._placed(starts):
                    await self._process(records)
                else:
                    return
            except Unavailable:
                await self._back_off(starts)
                return
            except Exception as error:
                log.error("batch-failed", exc_info=error)
                await self._back_off(starts)
                return
            self._failures = 0
            self.progress.stored(ends)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        self.progress.revoked(partitions)
        self._back.difference_update(partitions)
        for one in partitions:  # another member's by now, who may be further
            self._uncommitted.pop(one, None)

    async def _placed(self, starts: Mapping[TopicPartition, int]) -> bool:
        """Whether these records are where reading stands.

        Of a partition that went back they may have been fetched before it did: then all of them are fetched again.
        """
        consumer = self.consumer
        if consumer is None:
            return True
        held = consumer.assignment()
        unknown = [one for one in starts if one in held and not self.progress.known(one)]
        if unknown:
            await self._learn(consumer, unknown)
        back, self._back = self._back & starts.keys(), set()  # the next batch is fetched after they went back
        if back:
            for partition in held & starts.keys():
                stored = self.progress.next_offset(partition) if partition in back else None
                consumer.seek(partition, starts[partition] if stored is None else stored)
        return not back

    async def _process(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        arrivals = [arrival_of(record, self._keys()) for record in records]
        if self._refresh is not None and any(_by_unknown_key(one, self._keys()) for one in arrivals):
            await self._refresh()  # a service signs with a new key as soon as it has published it
            arrivals = [reread(one, self._keys()) for one in arrivals]
        self._engine.writing.metrics.batch.observe(len(arrivals))
        groups: dict[str, Group] = {}
        for arrival in arrivals:
            if arrival.topic in self._partner_topics:
                if self._outside is not None:
                    await self._outside(arrival)
                continue
            live = self.progress.current(arrival.partition, now())
            for aggregate_id, group in self._engine.facts.targets(arrival, live=live).items():
                if groups.setdefault(aggregate_id, group) is not group:
                    groups[aggregate_id].arrivals.extend(group.arrivals)
        published = await self._engine.facts.apply(groups) if groups else []
        await self._commit(arrivals)
        publisher = self._engine.writing.publisher
        for outbox, messages in published:
            publisher.publish_soon(outbox or None, messages)
        await publisher.room()

    async def _commit(self, arrivals: Sequence[Arrival]) -> None:
        consumer = self.consumer
        if consumer is None:
            return
        for arrival in arrivals:
            partition = TopicPartition(arrival.topic, arrival.partition)
            self._uncommitted[partition] = max(self._uncommitted.get(partition, 0), arrival.offset + 1)
        await self._commit_rest(consumer)

    async def _commit_rest(self, consumer: AIOKafkaConsumer) -> None:
        async with self._commits:
            held = consumer.assignment()
            offsets = {one: offset for one, offset in self._uncommitted.items() if one in held}
            if not offsets:
                return
            # One that fails costs a delivery again, which the inbox makes harmless; until then it is tried each turn.
            # Without a bound the client would try for as long as the bus is away, and nobody could stop or rebalance.
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(COMMIT_TIMEOUT):
                    await consumer.commit(offsets)
                for one, offset in offsets.items():
                    if self._uncommitted.get(one) == offset:
                        del self._uncommitted[one]

    async def _back_off(self, starts: Mapping[TopicPartition, int]) -> None:
        consumer = self.consumer
        if consumer is None:
            return
        self._failures += 1
        held = consumer.assignment()
        for partition, offset in starts.items():
            if partition in held:
                consumer.seek(partition, offset)
        consumer.pause(*held)
        wait = min(PAUSE.total_seconds() * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE.total_seconds())
        log.warning("consumer-paused", seconds=wait)
        if self._resuming is None or self._resuming.done():
            self._resuming = asyncio.create_task(self._resume(wait))

    async def _resume(self, wait: float) -> None:
        await asyncio.sleep(wait)
        consumer = self.consumer
        if consumer is not None:
            consumer.resume(*consumer.assignment())


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, owner: EventConsumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the batch in hand, so that its offsets are committed while they are still ours."""
        async with self._owner._busy:  # noqa: SLF001 - two halves of one thing
            pass
        self._owner._forget(revoked)  # noqa: SLF001

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Positions begin anew at the group's offsets: what was learnt since the revoking is of the old ones."""
        self._owner._deal += 1  # noqa: SLF001
        self._owner._forget(assigned)  # noqa: SLF001


def _by_unknown_key(arrival: Arrival, keys: KeySet) -> bool:
    named = {value for name, value in arrival.headers if name == "ce_keyid"}
    return arrival.fact is None and bool(named - {key.key_id.encode() for key in keys})
