"""The fault matrix, on real processes: services die in the middle of their work, freeze, come back, share it.

Afterwards the invariants hold (I1-I8). ``RECOURS_FAULT_SEED`` plays a run again. The bed, the driver and the checks
are in the modules beside.
"""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.faults.replicas import running
from tests.shared.runtime.processes import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]


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
