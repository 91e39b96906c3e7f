"""The fault matrix, on real processes: kill -9 just before and just after each step of the runtime."""

from __future__ import annotations

import signal

import pytest

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
