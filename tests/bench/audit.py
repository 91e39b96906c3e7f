"""How fast the audit goes through a log and what memory it takes, at ten thousand and at a hundred thousand records.

The log and the store are made by the runtime: one half of the records is followed, the other half is what the follower
published about them, in epochs with their checkpoints. Each length has engines of its own.
"""

from __future__ import annotations

from itertools import islice

from pydantic import SecretStr

from deploy.audit.run import BusLog, audit
from deploy.audit.stores import Source
from deploy.embedded.site import OBJECTS_ROOT
from shared.contracts.catalogue import topics
from shared.objects import objects_of
from shared.runtime.consumer import MAX_RECORDS
from shared.settings import Settings
from shared.trust.signing import KeySet, SigningKey, generate
from tests.bench import feed, follower, stores
from tests.bench.runner import Bench, Side
from tests.bench.side import Measured, Plan, Watch

ROWS = ("audit",)
SHORT, LONG = 10_000, 100_000
EACH = 20
"""Events of a case."""
LONG_TIMES = 2
NAME = "notify"
MEGABYTE = 1024 * 1024


async def rows(bench: Bench) -> None:
    for records, times in ((SHORT, bench.repeats), (LONG, min(bench.repeats, LONG_TIMES))):
        count = bench.size(records, 1_000)
        async with bench.platform(()) as engines:
            await engines.topics(*topics())
            access, secret = engines.platform.site.object_keys(OBJECTS_ROOT)
            plan = {
                **engines.plan,
                "database": f"recours_{NAME}",
                "objects": engines.platform.site.address("objects"),
                "access": access,
                "secret": secret,
                "intake": feed.key().to_secret_json(),
                "own": generate(NAME, feed.BEGAN).to_secret_json(),
                "count": count,
            }
            bench.tell(f"  making a log of {count:,} records")
            await bench.run(Side(f"log of {count}", "audit.fill"), plan)
            speeds, memory = [], []
            for number in range(1, times + 1):
                measured = await bench.run(Side(f"audit of {count}", "audit.whole"), plan)
                speeds.append(measured.count / measured.seconds)
                memory.append(measured.rss / MEGABYTE)
                bench.tell(f"  {number}/{times} {speeds[-1]:,.0f} records/s, {memory[-1]:,.0f} MB")
        bench.figure("audit.speed", f"audit of {count:,} records", "records/s", speeds)
        bench.figure("audit.memory", f"its peak memory at {count:,} records", "MB", memory)


def _keys(plan: Plan) -> tuple[SigningKey, SigningKey, KeySet]:
    intake, own = (SigningKey.from_secret_json(plan[name]) for name in ("intake", "own"))
    return intake, own, KeySet([intake.public(), own.public()])


def _settings(plan: Plan) -> Settings:
    return Settings(
        store=SecretStr(plan["store"]),
        objects=plan["objects"],
        objects_access=plan["access"],
        objects_secret=SecretStr(plan["secret"]),
        objects_secure=False,
        partitions=feed.PARTITIONS,
    )


async def fill(plan: Plan) -> Measured:
    """Half of the records followed, the other half published about them; checkpoints as after each minute."""
    service = follower.service(NAME, talks=True)
    intake, own, _ = _keys(plan)
    followed = plan["count"] // 2
    made = feed.messages(intake, followed, max(1, followed // EACH))
    watch = Watch({})
    watch.start()
    async with (
        stores.opened(plan, service) as follows,
        objects_of(_settings(plan), NAME) as objects,
    ):
        follows.engine.writing.signer = own
        offsets = [0] * feed.PARTITIONS
        number = 0
        while batch := list(islice(made, MAX_RECORDS)):
            await feed.publish(plan["bus"], iter(batch), idempotence=plan["idempotence"])
            arrivals = [stores.fact(one) for one in feed.arrivals(batch, offsets)]
            for outbox, messages in await follows.engine.facts.apply(stores.groups_of(follows.engine, arrivals)):
                await follows.publisher.publish(outbox, messages)
            await follows.publisher.forget()
            number += 1
            if number % 20 == 0:
                await follows.engine.checkpoints.keep(objects)
        await follows.engine.checkpoints.keep(objects, final=True)
    return watch.stop(plan["count"])


async def whole(plan: Plan) -> Measured:
    """``recours audit`` of that service: signatures, sequences, store, inbox, checkpoints, every state folded again."""
    service = follower.service(NAME, talks=True)
    settings = _settings(plan)
    *_, keys = _keys(plan)
    watch = Watch({})
    watch.start()
    async with stores.opened(plan, service) as follows, objects_of(settings, NAME) as objects:
        source = Source(service, settings, follows.store, objects)
        report = await audit([source], _Read(plan["bus"]), keys)
    if report.result != "ok":
        raise AssertionError(f"The audit found {dict(report.totals)}: {report.findings[:3]}")
    records = report.looked["records"]
    if records < plan["count"] or report.looked["states folded again"] == 0:
        raise AssertionError(f"It looked at {records} of {plan['count']} records.")
    return watch.stop(records)


class _Read(BusLog):
    """The log on the bus. Nobody's group read it: the store was filled from the same records, all of them."""

    async def committed(self, service: object) -> None:
        del service
