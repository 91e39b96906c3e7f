"""A follower's whole way, bus to store to bus, against its store writes alone; and batches against single events.

The bare writes are those that the runtime itself would make for the same events, in full batches, prepared beforehand:
the same documents in the same collections with the same indexes, in transactions with majority and journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared import ids
from shared.runtime.consumer import MAX_RECORDS
from shared.trust.signing import KeySet, SigningKey
from tests.bench import feed, follower, stores
from tests.bench.ratios import Goal
from tests.bench.runner import Bench, Prepared, Row, Side
from tests.bench.side import Measured, Plan, Watch

ROWS = ("store.consume", "store.whole", "store.batched")
EVENTS, CASES = 3_000, 400
FEW, FEW_CASES = 500, 100
FORGET_EVERY = 1.0
"""Seconds between two deletions of published outbox documents, as in the runtime's loops."""


async def rows(bench: Bench) -> None:
    engines = await bench.engines()
    count, few = bench.size(EVENTS, 1_000), bench.size(FEW, 100)
    signer = feed.key()

    async def prepared(side: Side) -> Prepared:
        of_few = side.name.startswith(("single", "batched"))
        plan = {
            **engines.plan,
            "database": f"bench_{ids.new()[:8]}",
            "key": signer.to_secret_json(),
            "count": few if of_few else count,
            "cases": FEW_CASES if of_few else CASES,
            "talks": "whole" in side.name,
        }
        return Prepared(plan, agrees=f"{of_few} {plan['talks']}")

    if bench.wants("store.consume", "store.whole"):
        await engines.topics(feed.TOPIC, "record-viewed")
        await feed.publish(engines.bus, feed.messages(signer, count, CASES), idempotence=engines.idempotence)
    bare, bare_again = Side("bare writes", "store.bare"), Side("bare writes again", "store.bare")
    whole, whole_again = (Side(f"bare writes of the whole{times}", "store.bare") for times in ("", " again"))
    single, single_again = Side("single events", "store.single"), Side("single events again", "store.single")
    await bench.compare(
        prepared,
        [
            Row(
                "store.consume",
                "read, fold, transaction, commit / the store writes alone",
                bare,
                Side("consume", "store.runtime"),
                bare_again,
                Goal("at least", 0.85),
            ),
            Row(
                "store.whole",
                "read, fold, transaction, publish one event for each, commit / the store writes alone",
                whole,
                Side("whole", "store.runtime"),
                whole_again,
                Goal("at least", 0.65),
            ),
            Row(
                "store.batched",
                "transactions of 500 events / of one event",
                single,
                Side("batched events", "store.batched"),
                single_again,
                Goal("at least", 6),
            ),
        ],
    )


def _service(plan: Plan):
    return follower.service(follower.name(), talks=plan.get("talks", False))


def _feed(plan: Plan):
    signer = SigningKey.from_secret_json(plan["key"])
    return feed.arrivals(list(feed.messages(signer, plan["count"], plan["cases"])))


async def bare(plan: Plan) -> Measured:
    """The writes and nothing else, by pymongo."""
    service = _service(plan)
    prepared = await stores.planned(service, _feed(plan), MAX_RECORDS)
    async with stores.opened(plan, service):
        pass
    kept = stores.database(plan)
    published: list[str] = []
    watch = Watch(plan)
    watch.start()
    forgotten = time.monotonic()
    for requests in prepared:
        with (
            kept.client.start_session() as session,
            session.start_transaction(
                read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)
            ),
        ):
            for collection, some in requests.items():
                if some:
                    kept[collection].bulk_write(some, ordered=True, session=session)
        published += [one._doc["_id"] for one in requests.get("outbox", ())]
        if published and time.monotonic() - forgotten > FORGET_EVERY:
            forgotten = _forget(kept, published)
    if published:
        _forget(kept, published)
    return _looked(kept, watch.stop(plan["count"], transactions=len(prepared)))


def _forget(kept, published: list[str]) -> float:
    with (
        kept.client.start_session() as session,
        session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)),
    ):
        kept["outbox"].delete_many({"_id": {"$in": published}}, session=session)
    published.clear()
    return time.monotonic()


async def runtime(plan: Plan) -> Measured:
    """The runtime's consumer on the bus, its engine, store and publisher; the offsets committed."""
    async with stores.opened(plan, _service(plan)) as made:
        consumer = follower.Timed(made.service, made.engine, KeySet, bus=plan["bus"], name="bench", plan=plan)

        async def forgetting() -> None:
            while True:
                await asyncio.sleep(FORGET_EVERY)
                await made.publisher.forget()

        await consumer.start()
        loop = asyncio.create_task(forgetting())
        await consumer.read()
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop
        await made.publisher.forget()
        measured = consumer.watch.stop(plan["count"], **consumer.costs(made.engine))
        await consumer.stop()
    return _looked(stores.database(plan), measured)


async def single(plan: Plan) -> Measured:
    """The runtime's engine, a transaction for each event."""
    return await _applied(plan, 1)


async def batched(plan: Plan) -> Measured:
    """The runtime's engine, a transaction for as many events as one batch has."""
    return await _applied(plan, MAX_RECORDS)


async def _applied(plan: Plan, at_once: int) -> Measured:
    arrivals = [stores.fact(one) for one in _feed(plan)]
    async with stores.opened(plan, _service(plan)) as made:
        watch = Watch(plan)
        watch.start()
        for start in range(0, len(arrivals), at_once):
            await made.engine.facts.apply(stores.groups_of(made.engine, arrivals[start : start + at_once]))
        measured = watch.stop(plan["count"])
    return _looked(stores.database(plan), measured)


def _looked(kept, measured: Measured) -> Measured:
    """What is in the store now; the count of facts must be that of the feed."""
    held, measured.digest = stores.digest(kept)
    if held < measured.count:
        raise AssertionError(f"{measured.count} were counted and {held} are in the store.")
    kept.client.close()
    return measured
