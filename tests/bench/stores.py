"""A follower's store in a process that measures: made anew, filled from the feed, looked at when all is done."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.clock import now
from shared.runtime.batches import Group
from shared.runtime.checkpoints import Epochs
from shared.runtime.declaration import Service
from shared.runtime.documents import Writes
from shared.runtime.engine import Engine
from shared.runtime.messages import Arrival, reread
from shared.runtime.metrics import Metrics
from shared.runtime.operations import operations
from shared.runtime.publisher import Publisher
from shared.runtime.store import Store
from shared.runtime.writing import Writing
from shared.trust.signing import KeySet, generate
from tests.bench.feed import BEGAN, PARTITIONS
from tests.bench.side import Plan, digest_of
from tests.shared.runtime.memory import Memory, Silent

Requests = dict[str, list[Any]]


@dataclass(slots=True)
class Follower:
    """The runtime around one service: a real engine, store and publisher."""

    service: Service
    store: Store
    engine: Engine
    publisher: Publisher


def keys(*names: str) -> KeySet:
    """No followed event of the feed is verified before it is folded, so nobody's keys are asked for."""
    return KeySet(generate(name, BEGAN).public() for name in names)


@contextlib.asynccontextmanager
async def opened(plan: Plan, service: Service) -> AsyncIterator[Follower]:
    """The runtime on the plan's store and bus, its collections and indexes made."""
    store = Store(plan["store"], plan["database"], service, PARTITIONS)
    metrics = Metrics()
    publisher = Publisher(plan["bus"], store, metrics, idempotence=plan["idempotence"], owner="bench")
    writing = Writing(service, store, publisher, generate(service.name, BEGAN), Epochs("bench"), metrics)
    await store.ensure()
    await publisher.start()
    try:
        yield Follower(service, store, Engine(writing, KeySet), publisher)
    finally:
        await publisher.stop()
        store.close()


def database(plan: Plan) -> Any:
    """The plan's database by the bare driver, with the runtime's own concerns."""
    client: Any = pymongo.MongoClient(plan["store"], tz_aware=True, retryWrites=False)
    return client.get_database(
        plan["database"], write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


def groups_of(engine: Engine, arrivals: Sequence[Arrival]) -> dict[str, Group]:
    """A batch as the runtime's consumer groups it; nothing is history."""
    groups: dict[str, Group] = {}
    for arrival in arrivals:
        for aggregate_id, group in engine.facts.targets(arrival, live=True).items():
            if groups.setdefault(aggregate_id, group) is not group:
                groups[aggregate_id].arrivals.extend(group.arrivals)
    return groups


def fact(arrival: Arrival) -> Arrival:
    """The arrival, read."""
    return reread(arrival, KeySet())


async def planned(service: Service, arrivals: Sequence[Arrival], batch: int) -> list[Requests]:
    """What the runtime writes for these arrivals, transaction by transaction, without writing it."""
    found: list[Requests] = []
    memory, publisher = Memory(), Silent()
    signer = generate(service.name, BEGAN)
    writing = Writing(service, memory, publisher, signer, Epochs("bench"), Metrics())  # type: ignore[arg-type]
    engine = Engine(writing, KeySet)

    def keep(writes: Writes) -> None:
        found.append(operations(writes, PARTITIONS, now())[1])

    memory.after_write = keep
    for start in range(0, len(arrivals), batch):
        await engine.facts.apply(groups_of(engine, [fact(one) for one in arrivals[start : start + batch]]))
    return found


def digest(kept: Any, *, states: bool = True) -> tuple[int, str]:
    """How many facts and own events a follower's database holds, and a digest of them and of all states.

    Without ``states``: of the facts alone, where own events depend on the moment.

    Its own name, which is drawn for each run, is no part of it; nor is a revision, which counts transactions. The
    database stays, like everything here, until its platform's directory goes: dropping takes this store half a minute.
    """
    parts: list[bytes] = []
    count = 0
    for one in kept["inbox"].find({}):
        parts.append(b"\0".join((_case(one["aggregate"]), one["topic"].encode(), _headers(one), bytes(one["body"]))))
        count += 1
    if not states:
        return count, digest_of(parts)
    for one in kept["events"].find({}):
        parts.append(b"\0".join((_case(one["aggregate"]), str(one["sequence"]).encode(), bytes(one["body"]))))
        count += 1
    parts += [b"\0".join((_case(one["_id"]), one["state"].encode())) for one in kept["states"].find({})]
    waiting = kept["outbox"].count_documents({}) + kept["dead_letters"].count_documents({})
    return count, digest_of([*parts, b"waiting:%d" % waiting])


def _case(aggregate: str) -> bytes:
    return aggregate.partition("/")[2].encode()


def _headers(document: Any) -> bytes:
    return hashlib.sha256(repr([(name, bytes(value)) for name, value in document["headers"]]).encode()).digest()
