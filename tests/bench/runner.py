"""Sides as fresh processes, shuffled, repeated and compared; and the engines that they run on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.embedded.engine_set import EngineSet
from deploy.embedded.site import ROOT
from deploy.embedded.supervisor import Platform
from shared.runtime.topics import apply_topics
from tests.bench.feed import PARTITIONS
from tests.bench.ratios import Goal, Spread, noise, speeds, spread
from tests.bench.side import Measured, Plan

SIDE_WITHIN = 600.0


class Broken(Exception):
    """A side failed, or two that must agree did not."""


@dataclass(frozen=True, slots=True)
class Side:
    """One way of doing the work: a function ``MODULE.FUNCTION`` of this package, run in a fresh process."""

    name: str
    call: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a side is told, and the word by which it is known with whom its outputs must agree."""

    plan: Plan
    agrees: str = "all"
    after: Callable[[Measured], Awaitable[None]] | None = None
    """What is left to do once the side has ended, with what it measured; a count of 0: it failed, or does not count."""


Preparing = Callable[[Side], Awaitable[Prepared]]


@dataclass(frozen=True, slots=True)
class Row:
    """How fast ``subject`` is in units of ``reference``; ``again`` is the reference once more, for the noise.

    ``slower``: the ratio is of costs and not of speeds.
    """

    name: str
    says: str
    reference: Side
    subject: Side
    again: Side | None
    goal: Goal | None = None
    slower: bool = False


@dataclass(frozen=True, slots=True)
class Ratio:
    """A row as it came out. ``noise`` is None where the reference was not run twice."""

    row: Row
    ratios: Spread
    noise: Spread | None
    reference: Spread
    subject: Spread
    each: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured that is no ratio, with its unit and how many times it was measured."""

    name: str
    says: str
    unit: str
    values: Spread
    times: int
    goal: Goal | None = None


@dataclass(slots=True)
class Engines:
    """Engines that run, and how sides reach them."""

    platform: Platform
    idempotence: bool

    @property
    def bus(self) -> str:
        return self.platform.site.address("bus")

    @property
    def plan(self) -> Plan:
        pids = {name: self.platform.pid(name) for name in ("bus", "store", "objects")}
        return {
            "bus": self.bus,
            "idempotence": self.idempotence,
            "store": self.platform.site.store_url,
            "pids": pids,
        }

    async def topics(self, *names: str) -> None:
        await apply_topics(self.bus, names, PARTITIONS)


@dataclass
class Bench:
    """One invocation: what was chosen, and what came out so far."""

    engine_set: EngineSet
    repeats: int
    scale: float
    wanted: tuple[str, ...]
    directory: Path
    console: Console
    seed: int
    ratios: list[Ratio] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _engines: Engines | None = None

    def wants(self, *names: str) -> bool:
        """Whether a row of these names, or of this beginning, was asked for."""
        return not self.wanted or any(
            name.startswith(one) or one.startswith(f"{name}.") for name in names for one in self.wanted
        )

    def size(self, full: int, least: int = 1) -> int:
        """A size, scaled as asked and not below what can be measured at all."""
        return max(least, int(full * self.scale))

    def tell(self, line: str) -> None:
        self.console.print(line, markup=False)

    async def engines(self) -> Engines:
        """The engines alone, started when first asked for."""
        if self._engines is None:
            self.tell(f"Starting the {self.engine_set.name} engines…")
            self._engines = await self._stack.enter_async_context(self.platform(services=()))
        return self._engines

    async def rest(self) -> None:
        """Stop the engines, so that what comes next has the machine for itself."""
        self._engines = None
        await self._stack.aclose()

    @contextlib.asynccontextmanager
    async def platform(self, services: Iterable[str], **given: Any) -> AsyncIterator[Engines]:
        """A platform of its own, whose data is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="platform-", dir=self.directory) as data:
            async with Platform(Path(data), services, engines=self.engine_set, **given) as platform:
                yield Engines(platform, self.engine_set.bus_idempotence)

    async def run(self, side: Side, plan: Plan) -> Measured:
        """One run of a side. Raises Broken when it fails."""
        log = self.directory / "sides.log"
        with log.open("ab") as errors:
            errors.write(f"---- {side.name}\n".encode())
            errors.flush()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.bench.side", side.call),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        try:
            async with asyncio.timeout(SIDE_WITHIN):
                said, _ = await process.communicate(json.dumps(plan).encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise Broken(f"{side.name} ended with {process.returncode}: read {log}.")
        measured = Measured(**json.loads(said.splitlines()[-1]))
        self.runs.append({"side": side.name, "call": side.call, **json.loads(said.splitlines()[-1])})
        return measured

    async def compare(self, prepare: Preparing, rows: Iterable[Row]) -> None:
        """Run every side of the wanted rows ``repeats`` times, in a new order each time, and keep their ratios."""
        wanted = [row for row in rows if self.wants(row.name)]
        sides = list(dict.fromkeys(side for row in wanted for side in (row.reference, row.subject, row.again) if side))
        costs: dict[Side, list[float]] = {side: [] for side in sides}
        chance = random.Random(self.seed)
        if sides:
            # Once for nothing: a broker that has just started compiles itself while it serves.
            await self._run(sides[0], prepare, counts=False)
        for number in range(1, self.repeats + 1):
            chance.shuffle(sides)
            agreed: dict[str, tuple[str, int, str]] = {}
            for side in sides:
                prepared, measured = await self._run(side, prepare)
                name, count, digest = agreed.setdefault(prepared.agrees, (side.name, measured.count, measured.digest))
                if (count, digest) != (measured.count, measured.digest):
                    raise Broken(f"{side.name} and {name} did not come to the same: {measured.count} and {count}.")
                costs[side].append(measured.seconds / measured.count)
                each = measured.seconds / measured.count * 1e6
                self.tell(f"  {number}/{self.repeats} {side.name}: {measured.count:,} at {each:,.0f} us")
        for row in wanted:
            self._keep(row, costs)

    async def _run(self, side: Side, prepare: Preparing, *, counts: bool = True) -> tuple[Prepared, Measured]:
        prepared = await prepare(side)
        measured = Measured(0, 0, 0, "")
        try:
            measured = await self.run(side, prepared.plan)
        finally:
            if prepared.after is not None:
                await prepared.after(measured if counts else Measured(0, 0, 0, ""))
        return prepared, measured

    def _keep(self, row: Row, costs: dict[Side, list[float]]) -> None:
        reference, subject = costs[row.reference], costs[row.subject]
        ratios = speeds(subject, reference) if row.slower else speeds(reference, subject)
        found = noise(reference, costs[row.again]) if row.again else None
        self.ratios.append(Ratio(row, spread(ratios), found, spread(reference), spread(subject), tuple(ratios)))

    def figure(self, name: str, says: str, unit: str, values: list[float], goal: Goal | None = None) -> None:
        """Keep a figure."""
        self.figures.append(Figure(name, says, unit, spread(values), len(values), goal))
