"""Faults as functions, for rounds that draw several of them; each leaves everything running again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.faults.bed import Bed
from tests.faults.replicas import Replica
from tests.shared.runtime.processes import until

Pair = tuple[Replica, Replica]
Strike = Callable[[Bed, Pair, random.Random], Awaitable[str]]
POINTS = {
    "notify": (
        "before-transaction",
        "after-transaction",
        "before-command",
        "after-command",
        "before-publish",
        "after-publish",
        "before-offsets",
        "after-offsets",
        "before-io",
        "after-io",
    ),
    "intake": ("before-command", "after-command", "before-publish", "after-publish"),
}


async def failpoint(_bed: Bed, pair: Pair, chance: random.Random) -> str:
    """A service ends, by SIGKILL or SIGTERM, at a failpoint drawn."""
    replica = chance.choice(pair)
    point, number, action = chance.choice(POINTS[replica.name]), chance.randint(1, 6), chance.choice(("kill", "term"))
    replica.arm(point, number, action)
    await replica.died()
    await replica.start()
    return f"{action} of {replica.name} {point} {number}"


async def random_kill(_bed: Bed, pair: Pair, chance: random.Random) -> str:
    """A service is killed at a moment drawn."""
    replica = chance.choice(pair)
    await asyncio.sleep(chance.uniform(0.0, 1.5))
    await replica.restart()
    return f"kill of {replica.name}"


async def store_away(_bed: Bed, pair: Pair, chance: random.Random) -> str:
    """A write fails as if the store did not answer."""
    replica = chance.choice(pair)
    replica.arm("before-command", chance.randint(1, 3), "down")
    await replica.acted()
    return f"no store for {replica.name}"


async def engine_kill(bed: Bed, _pair: Pair, chance: random.Random) -> str:
    """An engine is killed, and comes back."""
    engine = chance.choice(("store", "bus", "objects"))
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    bed.platform.kill(engine)
    await bed.platform.wait_restarted(engine)
    return f"kill of {engine}"


async def engine_freeze(bed: Bed, _pair: Pair, chance: random.Random) -> str:
    """An engine says nothing for some seconds."""
    engine = chance.choice(("store", "bus", "objects"))
    bed.platform.pause(engine)
    await asyncio.sleep(chance.uniform(1.0, 9.0))
    bed.platform.resume(engine)
    return f"freeze of {engine}"


async def bad_line(bed: Bed, _pair: Pair, chance: random.Random) -> str:
    """Connections to an engine are cut, or end in the middle of an answer."""
    name = chance.choice(("store", "bus"))
    proxy, mode = getattr(bed, name), chance.choice(("half", "refuse", "silent"))
    proxy.mode = mode
    if mode == "refuse":
        proxy.cut()
    await asyncio.sleep(chance.uniform(0.3, 3.0))
    proxy.mode = "pass"
    proxy.cut()
    return f"{mode} to {name}"


STRIKES: tuple[Strike, ...] = (failpoint, failpoint, random_kill, store_away, engine_kill, engine_freeze, bad_line)


async def alive(pair: Pair) -> None:
    """Start again what a strike left ended."""
    for one in pair:
        if not one.alive:
            await one.start()
        await until(one.ready)
