"""The fault matrix, on real processes: services die, freeze and share their work.

Afterwards the invariants hold (I1-I8). ``RECOURS_FAULT_SEED`` plays a run again. The bed, the driver and the checks
are in the modules beside.
"""

from __future__ import annotations

import asyncio
import signal

import pytest

from shared.runtime.messages import Arrival
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
    """Wait until the outside has heard of more jobs twice, and every claim of the zombie was settled by another.

    A process may freeze in the middle of a claim's transaction: its locks last a minute more (ADR 5).
    """

    async def settled():
        return bed.recorder.doubled() > doubled and not bed.database("notify")["jobs"].count_documents({})

    await until(settled, 90)


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


async def test_a_worker_whose_clock_is_an_hour_behind(bed, pair, load, measured):
    """What it does is done once; only its reminders are late, until it has left."""
    behind = bed.replica("notify", 2, FAULTS_CLOCK="-3600")
    async with running(behind), load.meanwhile():
        await asyncio.sleep(3)
    measured(await bed.sound(load))
