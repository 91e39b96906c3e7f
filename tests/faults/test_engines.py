"""The fault matrix, on real processes: store, bus, objects and the outside die, freeze, answer by halves.

Afterwards the invariants hold (I1-I8). ``RECOURS_FAULT_SEED`` plays a run again. The bed, the driver and the checks
are in the modules beside.
"""

from __future__ import annotations

import asyncio
import resource

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]


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
