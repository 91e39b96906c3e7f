"""What an event costs a service that has a long history, against one that has a short one."""

from __future__ import annotations

from itertools import islice

from shared import ids
from shared.runtime.consumer import MAX_RECORDS
from shared.trust.signing import SigningKey
from tests.bench import feed, follower, stores
from tests.bench.ratios import Goal
from tests.bench.runner import Bench, Prepared, Row, Side
from tests.bench.side import Measured, Plan, Watch, digest_of

ROWS = ("store.history",)
SHORT, LONG = 1_000, 100_000
EACH = 10
"""Events of a case, in either history."""
EVENTS, TOUCHED = 1_500, 100
"""What is measured: so many events about so many of the cases that are already there."""
NAME = "benchhistory"


async def rows(bench: Bench) -> None:
    engines = await bench.engines()
    signer = feed.key()
    count, long = bench.size(EVENTS, 500), bench.size(LONG, 5 * SHORT)
    common = {**engines.plan, "key": signer.to_secret_json(), "count": count}
    kept = {**common, "database": f"bench_{ids.new()[:8]}", "history": long}
    bench.tell(f"  making a history of {long:,} events")
    await bench.run(Side("history", "history.fill"), kept)
    served = 0

    async def prepared(side: Side) -> Prepared:
        nonlocal served
        served += 1
        first = 10_000 * served
        if side.name == "long history":
            return Prepared({**kept, "first": first, "there": True})
        fresh = {**common, "database": f"bench_{ids.new()[:8]}", "history": SHORT, "first": first, "there": False}
        return Prepared(fresh)

    short = Side("short history", "history.more")
    says = f"cost of an event after {long:,} events / after {SHORT:,}"
    row = Row(
        "store.history",
        says,
        short,
        Side("long history", "history.more"),
        Side("short history again", "history.more"),
        Goal("at most", 1.5),
        slower=True,
    )
    await bench.compare(prepared, [row])


async def fill(plan: Plan) -> Measured:
    """Make a history with the runtime's own engine: each case has as many events, however long it is."""
    service = follower.service(NAME)
    signer = SigningKey.from_secret_json(plan["key"])
    watch = Watch(plan)
    watch.start()
    made = feed.messages(signer, plan["history"], plan["history"] // EACH)
    async with stores.opened(plan, service) as follows:
        while batch := list(islice(made, MAX_RECORDS)):
            arrivals = [stores.fact(one) for one in feed.arrivals(batch)]
            await follows.engine.facts.apply(stores.groups_of(follows.engine, arrivals))
    return watch.stop(plan["history"])


async def more(plan: Plan) -> Measured:
    """The measured events, after the history."""
    if not plan["there"]:
        await fill(plan)
    service = follower.service(NAME)
    signer = SigningKey.from_secret_json(plan["key"])
    made = list(feed.messages(signer, plan["count"], TOUCHED, first=plan["first"]))
    arrivals = [stores.fact(one) for one in feed.arrivals(made)]
    async with stores.opened(plan, service) as follows:
        watch = Watch(plan)
        watch.start()
        for start in range(0, len(arrivals), MAX_RECORDS):
            some = arrivals[start : start + MAX_RECORDS]
            await follows.engine.facts.apply(stores.groups_of(follows.engine, some))
        measured = watch.stop(plan["count"])
    kept = stores.database(plan)
    wanted = [f"{NAME}/case/{one.fact.case}/{one.fact.id}" for one in arrivals if one.fact]
    found = [one["_id"] for one in kept["inbox"].find({"_id": {"$in": wanted}}, {"_id": 1})]
    if len(found) != plan["count"]:
        raise AssertionError(f"{plan['count']} were counted and {len(found)} are in the store.")
    kept.client.close()
    measured.digest = digest_of(one.partition("/case/")[2][:36].encode() for one in found)
    return measured
