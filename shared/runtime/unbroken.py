"""Work that a cancelled caller waits for: a transaction that is cut between two of its commands is not safe."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def unbroken(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of ``work``, which runs to its end whatever happens to the caller.

    The driver works in threads: after a cancellation its thread goes on, and writes outside the transaction that the
    cancelled caller has meanwhile ended.

    Raises:
        CancelledError: the caller was cancelled; ``work`` has ended by then. Otherwise what ``work`` raises.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: whoever waited is gone
        raise
