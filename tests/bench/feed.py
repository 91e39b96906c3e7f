"""What every side reads: the same events, signed, over the same cases, of the sizes that a real case's have.

One case in the demonstration has 85 records with headers of 592 and bodies of 689 bytes in the mean.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from aiokafka import AIOKafkaProducer

from shared.contracts.envelope import Message
from shared.contracts.intake import CaseUpdated, Facets, ReportedAct
from shared.ids import event_id
from shared.runtime.declaration import Recorded
from shared.runtime.documents import partition_of
from shared.runtime.messages import Arrival, to_message
from shared.trust.signing import SigningKey, generate

TOPIC = CaseUpdated.name
PARTITIONS = 4
BEGAN = datetime(2026, 11, 1, 8, tzinfo=UTC)
EPOCH = "bench-00000000-0000-4000-8000-000000000000/1"
HOT_SHARE = 0.1
_SEALED = "QUJDRA" * 80
_FACETS = Facets(
    persona="victim",
    acts=tuple(ReportedAct(act=f"act-{number}", kind="insult", day=date(2026, 10, 20)) for number in range(2)),
)


def key() -> SigningKey:
    """A key of intake that was valid when the events were made."""
    return generate("intake", BEGAN)


def case(number: int) -> str:
    """The id of a case of the feed."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"bench/{number}"))


def messages(signer: SigningKey, count: int, cases: int, *, first: int = 1, hot: bool = False) -> Iterator[Message]:
    """``count`` updates of the first ``cases`` cases, in turn shuffled by a fixed seed; the same at each call.

    ``first``: the sequence to begin at in each case. ``hot``: a tenth of them is about the first case.
    """
    chance = random.Random(20_261_122)
    sequences = [first] * cases
    for number in range(count):
        one = 0 if hot and chance.random() < HOT_SHARE else chance.randrange(cases)
        sequence, sequences[one] = sequences[one], sequences[one] + 1
        subject = case(one)
        aggregate = f"intake/case/{subject}"
        recorded = Recorded(
            id=event_id(aggregate, sequence),
            source="intake",
            aggregate=aggregate,
            sequence=sequence,
            time=BEGAN + timedelta(milliseconds=number),
            case=subject,
            event=CaseUpdated(facets=_FACETS, sealed_facts=_SEALED),
            causation="command:Update",
            correlation="command:Update",
        )
        yield to_message(recorded, signer, epoch=EPOCH, traceparent=f"00-{number:032x}-{number:016x}-01")


def arrivals(made: Sequence[Message], offsets: list[int] | None = None) -> list[Arrival]:
    """The messages as they would come from the bus, not read yet. ``offsets``: where partitions end, moved on."""
    offsets = [0] * PARTITIONS if offsets is None else offsets
    found = []
    for one in made:
        partition = partition_of(one.key.decode(), PARTITIONS)
        found.append(Arrival(one.topic, partition, offsets[partition], one.key, one.headers, one.body))
        offsets[partition] += 1
    return found


async def publish(bus: str, made: Iterator[Message], *, idempotence: bool, topic: str = TOPIC) -> int:
    """Put them on the bus, all acknowledged; gives how many."""
    producer = AIOKafkaProducer(bootstrap_servers=bus, acks="all", enable_idempotence=idempotence, linger_ms=5)
    await producer.start()
    try:
        waiting = [await producer.send(topic, one.body, key=one.key, headers=list(one.headers)) for one in made]
        for one in waiting:
            await one
    finally:
        await producer.stop()
    return len(waiting)
