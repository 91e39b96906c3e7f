"""Ending tasks for sure: one cancellation may be lost on its way."""

from __future__ import annotations

import asyncio
from typing import Any, Final

AGAIN: Final = 5.0
"""Seconds after which a task that did not end is cancelled again."""


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks until each has ended, however they end.

    Python 3.11's ``asyncio.wait_for``, which aiokafka uses while it connects, drops a cancellation that comes in the
    very turn in which its work is done; a task that turns for ever would then never end.

    Raises:
        CancelledError: the caller was cancelled; the tasks have ended by then.
    """
    left = {task for task in tasks if not task.done()}
    cut = False
    while left:
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=AGAIN)
        except asyncio.CancelledError:
            cut = True
        left = {task for task in left if not task.done()}
    if cut:
        raise asyncio.CancelledError
