"""One lock per aggregate inside a process, shared by consumer, commands and wakes: fewer conflicts, not correctness."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable


class Locks:
    """Locks by aggregate id, taken in sorted order so that no two holders wait for each other."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, ids: Iterable[str]) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for one in sorted(set(ids)):
                await stack.enter_async_context(self._one(one))
            yield

    @contextlib.asynccontextmanager
    async def _one(self, one: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(one, (asyncio.Lock(), 0))
        self._locks[one] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[one]
            if users == 1:
                del self._locks[one]
            else:
                self._locks[one] = (lock, users - 1)
