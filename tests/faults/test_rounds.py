"""Rounds of several faults drawn from a seed, under load: one in the short run, many by hand.

``RECOURS_FAULT_ROUNDS=200`` plays so many; ``RECOURS_FAULT_SEED=n`` begins with seed n, so that a run can be resumed or
one round be played again. Ten rounds share a boot.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.bed import bed as make_bed
from tests.faults.bed import by_service
from tests.faults.conftest import SEED
from tests.faults.load import Load
from tests.faults.replicas import running
from tests.faults.strikes import STRIKES, alive

ROUNDS = int(os.environ.get("RECOURS_FAULT_ROUNDS", "1"))
A_BOOT = 10
FAULTS = 3
SEEDS = range(SEED, SEED + ROUNDS)
pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("boot", range(-(-ROUNDS // A_BOOT)))  # no seed in the name: each worker draws its own
async def test_rounds_of_drawn_faults_leave_nothing_wrong(tmp_path, engines, measured, boot):
    async with make_bed(tmp_path / "bed", engines) as bed:
        pair = bed.replica("intake"), bed.replica("notify")
        async with running(*pair):
            for seed in SEEDS[boot * A_BOOT : (boot + 1) * A_BOOT]:
                measured(await _round(bed, pair, seed), f"seed {seed}")


async def _round(bed, pair, seed: int) -> float:
    chance = random.Random(seed)
    load = Load(f"{seed}/load", by_service(*pair))
    async with load.meanwhile():
        for strike in chance.choices(STRIKES, k=FAULTS):
            print(f"RECOURS_FAULT_SEED={seed}: {await strike(bed, pair, chance)}")  # noqa: T201 - pytest captures it
            await alive(pair)
    took: float = await bed.sound(load)
    return took
