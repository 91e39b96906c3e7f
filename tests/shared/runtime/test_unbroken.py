"""Work that a cancelled caller waits for."""

from __future__ import annotations

import asyncio

import pytest

from shared.runtime.unbroken import unbroken


async def test_work_gives_its_result_or_its_error():
    async def work(fails: bool) -> int:
        if fails:
            raise ValueError("so")
        return 3

    assert await unbroken(work(fails=False)) == 3
    with pytest.raises(ValueError, match="so"):
        await unbroken(work(fails=True))


@pytest.mark.parametrize("fails", [False, True])
async def test_a_caller_cancelled_twice_is_cancelled_only_after_the_work_has_ended(fails):
    begun, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go.wait()
        ended.set()
        if fails:
            raise ValueError("so")

    task = asyncio.create_task(unbroken(work()))
    await begun.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(1):
            await task
    assert ended.is_set()
