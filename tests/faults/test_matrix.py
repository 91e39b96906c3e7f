"""The fault matrix: each class of fault under load, on real processes; afterwards the invariants hold (I1-I8).

``RECOURS_FAULT_SEED`` plays a run again. The bed, the driver and the checks are in the modules beside.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import time

import pytest
from aiokafka import AIOKafkaProducer

from deploy.demo.client import PartnerVoice
from deploy.embedded.engines.objects import client as object_client
from deploy.embedded.site import BUCKET_OF_THE_BUS
from shared import clock, ids
from shared.contracts.partners import Referral
from shared.runtime.messages import Arrival
from shared.trust.keyring import Keyring
from shared.trust.partners import Partner, partner_owner
from shared.trust.signing import generate
from tests.faults.invariants import header
from tests.faults.load import Step
from tests.faults.replicas import running
from tests.faults.services import POISON, TOO_LARGE, TOO_WIDE
from tests.shared.runtime.processes import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]

KILLED_AT = {
    "transaction": (("notify", "before-transaction"), ("notify", "after-transaction")),
    "command": (("intake", "before-command"), ("intake", "after-command")),
    "publish": (("intake", "before-publish"), ("intake", "after-publish"), ("notify", "before-publish")),
    "offsets": (("notify", "before-offsets"), ("notify", "after-offsets")),
    "worker": (("notify", "before-io"), ("notify", "after-io")),
}


@pytest.mark.parametrize("around", KILLED_AT)
async def test_kill_9_at_a_failpoint(bed, pair, load, measured, around):
    by_name = {one.name: one for one in pair}
    async with load.meanwhile():
        for name, point in KILLED_AT[around]:
            replica = by_name[name]
            replica.arm(point, load.chance.randint(1, 4))
            assert await replica.died() == -signal.SIGKILL
            assert not await bed.committed_but_nowhere()
            await replica.start()
    measured(await bed.sound(load))


async def test_kill_9_in_the_middle_of_a_transaction(bed, pair, load, measured):
    """The store keeps the dead transaction's locks for a minute (ADR 5)."""
    _, notify = pair
    async with load.meanwhile():
        notify.arm("inside-transaction", 2)
        await notify.died()
        await notify.start()
    measured(await bed.sound(load))


async def test_kill_9_at_random(bed, pair, load, measured):
    async with load.meanwhile():
        for replica in load.chance.sample([*pair, *pair], 4):
            await asyncio.sleep(load.chance.uniform(0.1, 1.5))  # a moment drawn at random
            await replica.restart()
    measured(await bed.sound(load))


async def test_sigterm_in_the_middle_of_a_batch(bed, pair, load, measured):
    _, notify = pair
    async with load.meanwhile():
        notify.arm("before-transaction", 2, "term")
        assert await notify.died() == 0
        assert not await bed.committed_but_nowhere()
        await notify.start()
    measured(await bed.sound(load))


async def test_a_rebalance_while_a_batch_is_processed(bed, pair, load, measured):
    _, notify = pair
    second = bed.replica("notify", 2)
    async with load.meanwhile():
        notify.arm("before-transaction", 1, "nap:7")
        await notify.acted()
        async with running(second):
            notify.arm("before-transaction", 2, "nap:3")
            await notify.acted()
    measured(await bed.sound(load))


async def test_a_member_frozen_in_a_batch_comes_back_after_another_took_over(bed, pair, load, measured):
    _, notify = pair
    async with running(bed.replica("notify", 2)):
        async with load.meanwhile():
            notify.arm("before-transaction", 1, "stop")
            await notify.acted()
            # Longer than the group's session: the others are given its partitions.
            await asyncio.sleep(9)
            notify.signal(signal.SIGCONT)
        measured(await bed.sound(load))


async def test_a_zombie_worker_comes_back_after_its_claim_was_taken_over(bed, pair, load, measured):
    """Its result is dropped by the fence: the domain of the toy has no guard of its own."""
    _, notify = pair
    second = bed.replica("notify", 2)
    load.replicas = {**load.replicas, "notify": [second]}
    async with running(second):
        doubled = bed.recorder.doubled()
        notify.arm("after-io", 1, "stop")
        async with load.meanwhile(at_once=1):
            await notify.acted()
        await taken_over(bed, doubled)
        notify.signal(signal.SIGCONT)
        measured(await bed.sound(load))


async def taken_over(bed, doubled: int) -> None:
    """Wait until the outside has heard of more jobs twice, and every claim of the zombie was settled by another."""

    async def settled():
        return bed.recorder.doubled() > doubled and not bed.database("notify")["jobs"].count_documents({})

    await until(settled, 60)


async def test_two_replicas_publish_an_aggregate_in_reverse_order(bed, pair, load, measured):
    intake, _ = pair
    second = bed.replica("intake", 2)
    async with running(second):
        case = load.case()
        load.replicas = {**load.replicas, "intake": [second]}
        await load.send(case, Step("intake", "open", 0))
        await load.send(case, Step("intake", "update", 1))
        intake.arm("before-publish", 1, "nap:4")
        load.replicas = {**load.replicas, "intake": [intake]}
        await load.send(case, Step("intake", "update", 2))
        load.replicas = {**load.replicas, "intake": [second]}
        await load.send(case, Step("intake", "update", 3))
        measured(await bed.sound(load))
    seen = await bed.see()
    order = [int(header(one, "ce_sequence")) for one in seen.records if one.topic == "case-updated" and _of(one, case)]
    assert order == [2, 4, 3]


def _of(record: Arrival, case: str) -> bool:
    return record.key == case.encode()


async def test_a_hot_case_under_commands_while_its_facts_are_folded(bed, pair, load, measured):
    case = load.case()
    async with running(bed.replica("notify", 2)):
        await load.send(case, Step("intake", "open", 0))
        updates = [Step("intake", "update", number) for number in range(1, 31)]
        others = [Step("notify", "nudge" if number % 2 else "note", number) for number in range(1, 31)]
        await asyncio.gather(*(load.send(case, step) for step in [*updates, *others]), load.play(3))
        measured(await bed.sound(load))


async def test_poison_and_what_the_store_refuses_hold_their_case_and_no_other(bed, pair, load, measured):
    sick = {number: load.case() for number in (POISON, TOO_LARGE, TOO_WIDE)}
    bed.sick |= set(sick.values())
    async with load.meanwhile():
        for number, case in sick.items():
            await load.send(case, Step("intake", "open", 0))
            await load.send(case, Step("intake", "update", number))
    measured(await bed.sound(load))
    letters = {one["case"]: one["reason"] for one in bed.database("notify")["dead_letters"].find()}
    assert {number: letters[case] for number, case in sick.items()} == {
        POISON: "fold-failed",
        TOO_LARGE: "not-applied",
        TOO_WIDE: "not-applied",
    }


async def test_a_partners_messages_come_twice_while_their_service_is_killed(bed, pair, load, measured):
    intake, _ = pair
    key = generate(partner_owner("association"), clock.now())
    settings = bed.platform.settings_for("operator")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        partner = Partner(
            partner_id="association", name="A", keys=(key.public(),), topics=frozenset({Referral.topic}), cases="*"
        )
        await keyring.register_partner(partner)
    voice = PartnerVoice(bed.bus_address, key)
    cases = await load.play(3, 1)
    messages = [
        Referral(id=ids.new(), partner="association", case=case, persona="victim", sealed_contact="AAAA")
        for case in cases
    ]
    intake.arm("before-command", 2)
    await asyncio.gather(*(voice.say(one) for one in messages))
    await intake.died()
    await intake.start()
    intake.arm("after-command", 1)
    more = [one.model_copy(update={"id": ids.new()}) for one in messages]
    await asyncio.gather(*(voice.say(one) for one in [*messages, *more]))
    await intake.died()
    await intake.start()
    measured(await bed.sound(load))


# ---- the engines


@pytest.mark.parametrize("engine", ["store", "bus", "objects"])
async def test_an_engine_is_killed(bed, pair, load, measured, engine):
    async with load.meanwhile():
        await asyncio.sleep(load.chance.uniform(0.1, 1.0))  # a moment drawn at random
        bed.platform.kill(engine)
        await bed.platform.wait_restarted(engine)
    measured(await bed.sound(load), engine)


@pytest.mark.parametrize("engine", ["store", "bus"])
async def test_an_engine_is_frozen(bed, pair, load, measured, engine):
    async with load.meanwhile():
        bed.platform.pause(engine)
        await asyncio.sleep(8)
        bed.platform.resume(engine)
    measured(await bed.sound(load), engine)


@pytest.mark.parametrize("engine", ["store", "bus"])
async def test_connections_are_late_cut_and_end_in_the_middle_of_an_answer(bed, pair, load, measured, engine):
    proxy = getattr(bed, engine)
    cuts = proxy.cuts
    try:
        async with load.meanwhile():
            proxy.latency = 0.1
            await asyncio.sleep(2)
            proxy.latency = 0.0
            for _ in range(2):
                proxy.cut()
                await asyncio.sleep(load.chance.uniform(0.2, 1.0))  # a moment drawn at random
                proxy.mode = "half"
                await asyncio.sleep(load.chance.uniform(0.2, 1.0))
                proxy.mode = "refuse"
                proxy.cut()
                await asyncio.sleep(load.chance.uniform(0.5, 1.5))
                proxy.mode = "pass"
    finally:
        proxy.mode, proxy.latency = "pass", 0.0
    assert proxy.cuts > cuts
    measured(await bed.sound(load), engine)


async def test_the_outside_of_jobs_fails_for_a_while(bed, pair, load, measured):
    bed.recorder.failing = True
    async with load.meanwhile():
        await asyncio.sleep(3)
        bed.recorder.failing = False
    measured(await bed.sound(load))


async def test_the_stores_disk_is_full(bed, pair, load, measured):
    """The store's files may not grow (RLIMIT_FSIZE): every write to one fails, as on a full disk.

    The embedded store panics and stays there, refusing everything, until it is started again (MongoDB ends itself).
    """
    pid = bed.platform.pid("store")
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    async with load.meanwhile():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
        await asyncio.sleep(6)
        # The new process has the limits of the supervisor: there is room again.
        bed.platform.kill("store")
        await bed.platform.wait_restarted("store")
    measured(await bed.sound(load))


# ---- the log


async def test_everything_is_delivered_again_in_another_order(bed, pair, load, measured):
    await load.play(6)
    await bed.sound(load)
    again = [one for one in (await bed.see()).records if one.topic != "checkpoint"]
    load.chance.shuffle(again)
    async with load.meanwhile():
        await _produce(bed, [(one.topic, one.key, one.headers, one.body) for one in again])
    measured(await bed.sound(load))


async def test_the_bus_is_wiped_and_published_again_out_of_order(bed, pair, load, measured):
    """Its log and its offsets are gone; the stores give every event again, shuffled, some of them twice."""
    await load.play(6)
    await bed.sound(load)
    await asyncio.gather(*(one.kill() for one in pair))
    await asyncio.to_thread(_empty, object_client(bed.platform.site))
    bed.platform.kill("bus")
    await bed.platform.wait_restarted("bus")
    begin = time.monotonic()
    await asyncio.gather(*(one.start() for one in pair))
    events = [one for name in ("intake", "notify") for one in bed.database(name)["events"].find()]
    again = [*events, *load.chance.sample(events, len(events) // 4)]
    load.chance.shuffle(again)
    async with load.meanwhile():
        await _produce(bed, [(one["topic"], one["key"], one["headers"], one["body"]) for one in again])
    await bed.sound(load)
    measured(time.monotonic() - begin)


def _empty(server) -> None:
    for one in server.list_objects(BUCKET_OF_THE_BUS, recursive=True):
        server.remove_object(BUCKET_OF_THE_BUS, one.object_name)


async def _produce(bed, messages) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bed.bus_address, acks="all", enable_idempotence=False)
    await producer.start()
    try:
        sent = []
        for topic, key, headers, body in messages:
            said = [(name, bytes(value)) for name, value in headers]
            sent.append(await producer.send(topic, value=bytes(body), key=bytes(key), headers=said))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


# ---- the clock


async def test_a_worker_whose_clock_is_an_hour_behind(bed, pair, load, measured):
    """What it does is done once; only its reminders are late, until it has left."""
    behind = bed.replica("notify", 2, FAULTS_CLOCK="-3600")
    async with running(behind), load.meanwhile():
        await asyncio.sleep(3)
    measured(await bed.sound(load))
