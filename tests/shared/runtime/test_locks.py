"""One lock per aggregate inside a process."""

from __future__ import annotations

import asyncio

import pytest

from shared.runtime.locks import Locks


async def test_one_aggregate_is_held_by_one_at_a_time_and_another_is_free():
    locks, inside = Locks(), asyncio.Event()

    async def hold(*ids: str) -> None:
        async with locks.hold(ids):
            inside.set()

    async with locks.hold(["a"]):
        waiting = asyncio.create_task(hold("a", "b"))
        async with asyncio.timeout(1):
            await hold("c")
        inside.clear()
        await asyncio.sleep(0)
        assert not inside.is_set()
    async with asyncio.timeout(1):
        await waiting


async def test_holders_of_the_same_aggregates_in_any_order_never_wait_for_each_other():
    locks = Locks()

    async def turn(ids: list[str]) -> None:
        for _ in range(50):
            async with locks.hold(ids):
                await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(turn(["a", "b", "a"]), turn(["b", "a"]), turn(["c", "b", "a"]))


async def test_nothing_is_kept_of_who_left_was_cancelled_or_failed():
    locks = Locks()

    async def hold() -> None:
        async with locks.hold(["a"]):
            pass

    async def fail() -> None:
        async with locks.hold(["a", "b"]):
            waiting.append(asyncio.create_task(hold()))
            await asyncio.sleep(0)
            waiting[0].cancel()
            raise ValueError("inside")

    waiting: list[asyncio.Task[None]] = []
    with pytest.raises(ValueError, match="inside"):
        await fail()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    assert not locks._locks
