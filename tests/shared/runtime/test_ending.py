"""Tasks that are ended end, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from shared.runtime import ending
from shared.runtime.ending import ended


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(ending, "AGAIN", 0.01)


async def turning(swallows: int, seen: list[str]) -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            if len(seen) > swallows:
                raise


@pytest.mark.parametrize("swallows", [0, 1, 3])
async def test_a_task_that_loses_cancellations_ends_all_the_same(swallows):
    seen: list[str] = []
    task = asyncio.create_task(turning(swallows, seen))
    await asyncio.sleep(0)
    await ended(task)
    assert task.cancelled()
    assert len(seen) == swallows + 1


async def test_how_a_task_ends_is_left_to_whoever_asks_it():
    async def failing():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise ValueError("broken")

    task, over = asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(0))
    await over
    await ended(task, over)
    assert isinstance(task.exception(), ValueError)


async def test_a_caller_that_is_cancelled_leaves_only_once_the_tasks_have_ended():
    seen: list[str] = []
    task = asyncio.create_task(turning(2, seen))
    caller = asyncio.create_task(ended(task))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    assert caller.cancelled()
    assert task.cancelled()
