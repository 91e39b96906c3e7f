"""The bus path: read a batch, commit its offsets, publish as many records; on the runtime and bare.

Every side reads the same records of one topic with a consumer group of its own, publishes each of them again (same key,
headers and body, acks=all) on a topic of its own and commits what it read. Then that topic is read back and compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

from shared import ids
from shared.contracts.envelope import Message
from shared.contracts.intake import CaseUpdated
from shared.runtime import consumer as runtime_consumer
from shared.runtime.archive import BusReading
from shared.runtime.batches import Group
from shared.runtime.consumer import MAX_RECORDS
from shared.runtime.messages import Arrival
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.raw_records import as_it_came
from shared.trust.signing import KeySet
from tests.bench import feed, follower
from tests.bench.ratios import Goal
from tests.bench.runner import Bench, Prepared, Row, Side
from tests.bench.side import Measured, Plan, Watch, digest_of

ROWS = ("bus",)
EVENTS = {"embedded": 5_000, "real": 20_000}
CASES = 400
FEW = 150
"""Records for the sides that go one by one."""
JOIN_WITHIN = 90.0


async def rows(bench: Bench) -> None:
    """Measure all of this file's rows."""
    engines = await bench.engines()
    many, few = bench.size(EVENTS[bench.engine_set.name], 2_000), bench.size(FEW, 100)
    signer = feed.key()
    small = "bench-few"
    await engines.topics(feed.TOPIC, small)
    await feed.publish(engines.bus, feed.messages(signer, many, CASES), idempotence=engines.idempotence)
    some = feed.messages(signer, few, CASES)
    await feed.publish(engines.bus, some, idempotence=engines.idempotence, topic=small)

    async def prepared(side: Side) -> Prepared:
        into = f"bench-out-{ids.new()}"
        await engines.topics(into)
        of_few = side.name.startswith("one by one")
        source = {"topic": small, "count": few} if of_few else {"topic": feed.TOPIC, "count": many}
        return Prepared({**engines.plan, **source, "into": into}, agrees="few" if of_few else "many")

    raw, again = Side("raw aiokafka", "bus.raw"), Side("raw aiokafka again", "bus.raw")
    transport, path = Side("transport", "bus.transport"), Side("bus path", "bus.path")
    single, single_again = Side("one by one", "bus.single"), Side("one by one again", "bus.single")
    await bench.compare(
        prepared,
        [
            Row("bus.path", "bus path, all read and checked / raw aiokafka", raw, path, again, Goal("at least", 0.65)),
            Row("bus.transport", "bus path, nothing looked at / raw aiokafka", raw, transport, again),
            Row(
                "bus.batched",
                "bus path / FastStream's subscriber of one message, commit after each",
                single,
                path,
                single_again,
                Goal("at least", 8),
            ),
        ],
    )


# ---- sides


def _settings(plan: Plan) -> dict[str, Any]:
    return {"bootstrap_servers": plan["bus"], "acks": "all", "enable_idempotence": plan["idempotence"], "linger_ms": 0}


async def raw(plan: Plan) -> Measured:
    """aiokafka as it is: a batch, its offsets, the batch again."""
    consumer = AIOKafkaConsumer(
        plan["topic"],
        bootstrap_servers=plan["bus"],
        group_id=f"bench-{ids.new()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    producer = AIOKafkaProducer(**_settings(plan))
    await producer.start()
    await consumer.start()
    watch, count = Watch(plan), 0
    async with asyncio.timeout(JOIN_WITHIN):
        while count < plan["count"]:
            batch: Mapping[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=200, max_records=MAX_RECORDS)
            if not batch:
                continue
            watch.start()
            await consumer.commit({one: records[-1].offset + 1 for one, records in batch.items()})
            sent = [
                await producer.send(plan["into"], record.value, key=record.key, headers=list(record.headers))
                for records in batch.values()
                for record in records
            ]
            await asyncio.gather(*sent)
            count += len(sent)
    measured = watch.stop(count)
    await consumer.stop()
    await producer.stop()
    return await _verified(plan, measured)


async def transport(plan: Plan) -> Measured:
    """The runtime's consumer and publisher, the records not looked at."""
    setattr(runtime_consumer, "arrival_of", lambda record, _keys: as_it_came(record))  # noqa: B010 - imported there
    return await path(plan)


async def path(plan: Plan) -> Measured:
    """The runtime's consumer and publisher, with an echo in the place of the store."""
    metrics = Metrics()
    forgetful: Any = SimpleNamespace(published=_nothing)
    publisher = Publisher(plan["bus"], forgetful, metrics, idempotence=plan["idempotence"], owner="bench")
    await publisher.start()
    declared = follower.service(follower.name())
    echo: Any = SimpleNamespace(
        facts=_Echo(declared.aggregate("case"), plan["into"]),
        writing=SimpleNamespace(metrics=metrics, publisher=publisher),
    )
    consumer = follower.Timed(declared, echo, KeySet, bus=plan["bus"], name="bench", plan=plan)
    await consumer.start()
    measured = await consumer.read()
    await consumer.stop()
    await publisher.stop()
    return await _verified(plan, measured)


async def _nothing(_outbox_ids: object) -> None:
    """There is no outbox to delete from."""


class _Echo:
    """Says each record again. What was not read has no fact and is grouped by its key all the same."""

    def __init__(self, declared: Any, into: str) -> None:
        self._declared = declared
        self._into = into

    def targets(self, arrival: Arrival, *, live: bool) -> dict[str, Group]:
        one = arrival.key.decode()
        return {one: Group(self._declared, one, [arrival], live)}

    async def apply(self, groups: Mapping[str, Group]) -> list[tuple[str, list[Message]]]:
        said = [
            Message(topic=self._into, key=one.key, headers=one.headers, body=one.body)
            for group in groups.values()
            for one in group.arrivals
        ]
        return [("outbox", said)]


async def single(plan: Plan) -> Measured:
    """FastStream as its documentation shows it: a typed argument, a message published, each committed once handled.

    Its default, which commits what was fetched whatever becomes of it, would be no equal: it loses events.
    """
    broker = KafkaBroker(plan["bus"], acks="all", enable_idempotence=plan["idempotence"], linger_ms=0, logger=None)
    watch, ended, count = Watch(plan), asyncio.Event(), 0

    @broker.subscriber(
        plan["topic"],
        group_id=f"bench-{ids.new()}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
        no_reply=True,
    )
    async def handle(event: CaseUpdated, message: KafkaMessage) -> None:
        nonlocal count
        watch.start()
        record: Any = message.raw_message
        headers = {name: value.decode() for name, value in record.headers}
        await broker.publish(record.value, topic=plan["into"], key=record.key, headers=headers)
        count += 1
        if count == plan["count"]:
            ended.set()

    await broker.start()
    async with asyncio.timeout(JOIN_WITHIN):
        await ended.wait()
    measured = watch.stop(count)
    await broker.stop()
    return await _verified(plan, measured)


async def _verified(plan: Plan, measured: Measured) -> Measured:
    """Read back what was published: each record by its key, its event's id and its body."""
    said = [one async for one in BusReading(plan["bus"], [plan["into"]])]
    parts = [b"\0".join((one.key, dict(one.headers)["ce_id"], one.body)) for one in said]
    if len(parts) != measured.count:
        raise AssertionError(f"{measured.count} were counted and {len(parts)} are on the bus.")
    measured.digest = digest_of(parts)
    return measured
