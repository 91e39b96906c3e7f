"""A seeded driver that plays many cases at once and remembers what was answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from tests.faults.replicas import Replica

PATIENCE = 150.0
"""Seconds that a command is sent again before it counts as never accepted: a killed client's locks last 60."""


@dataclass(frozen=True)
class Step:
    """A command: to which service, what, and its number, unique in its case."""

    service: str
    what: str
    number: int
    twin: int | None = None


@dataclass
class Played:
    """What one case was asked. ``accepted``: with how many tries; ``never``: what was not accepted in time."""

    case: str
    accepted: dict[Step, int] = field(default_factory=dict)
    never: list[str] = field(default_factory=list)


class Load:
    """Plays cases against replicas. Everything drawn comes from the seed.

    Args:
        replicas: by service; each try goes to one of them, drawn.
    """

    def __init__(self, seed: int | str, replicas: Mapping[str, Sequence[Replica]]) -> None:
        self.chance = random.Random(seed)
        self.replicas = replicas
        self.played: dict[str, Played] = {}
        self.patience = PATIENCE

    def case(self) -> str:
        """A new case id, drawn from the seed."""
        case = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        self.played[case] = Played(case)
        return case

    def steps(self, updates: int) -> list[Step]:
        """A case's life, drawn: opened, updated, noted about, now and then closed."""
        steps = [Step("intake", "open", 0)]
        for number in range(1, updates + 1):
            twin = 1000 + number if self.chance.random() < 0.2 else None
            steps.append(Step("intake", "update", number, twin))
            if self.chance.random() < 0.3 and "notify" in self.replicas:
                steps.append(Step("notify", self.chance.choice(("note", "nudge")), number))
        if self.chance.random() < 0.3:
            steps.append(Step("intake", "close", -1))
        return steps

    async def play(self, cases: int, updates: int = 3, *, pause: float = 0.0) -> list[str]:
        """Play so many cases at once, each to its end; gives their ids."""
        drawn = [(self.case(), self.steps(updates)) for _ in range(cases)]
        await asyncio.gather(*(self.life(case, steps, pause) for case, steps in drawn))
        return [case for case, _ in drawn]

    async def on(self, stop: asyncio.Event, *, at_once: int = 3, updates: int = 3) -> None:
        """Play cases, so many at once, until ``stop`` is set and those begun have ended."""
        while not stop.is_set():
            await self.play(at_once, updates)

    @contextlib.asynccontextmanager
    async def meanwhile(self, *, at_once: int = 3, updates: int = 3) -> AsyncIterator[None]:
        """Cases are played as long as the block lasts, and those begun to their end."""
        stop = asyncio.Event()
        playing = asyncio.create_task(self.on(stop, at_once=at_once, updates=updates))
        try:
            yield
        except BaseException:
            playing.cancel()
            raise
        finally:
            stop.set()
            await asyncio.gather(playing, return_exceptions=True)
        playing.result()

    async def life(self, case: str, steps: Sequence[Step], pause: float = 0.0) -> None:
        """One case's steps, one after another; what is never accepted ends them."""
        for step in steps:
            if not await self.send(case, step):
                return
            if pause:
                await asyncio.sleep(pause)

    async def send(self, case: str, step: Step) -> bool:
        """Send a command under one Idempotency-Key until it is accepted; whether it was."""
        played = self.played[case]
        key = f"{step.service}.{step.what}.{step.number + 1:06d}.{case}"
        body = {"what": step.what, "number": step.number, "twin": step.twin}
        deadline = time.monotonic() + self.patience
        last = ""
        tries = 0
        while time.monotonic() < deadline:
            tries += 1
            replica = self.chance.choice(self.replicas[step.service])
            try:
                answer = await replica.client.post(
                    f"/{step.service}/faults/{case}", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                last = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code == 200:
                    played.accepted[step] = tries
                    return True
                # A follower that has not heard of the case yet says 404: later.
                if answer.status_code not in {404, 500, 503}:
                    break
            await asyncio.sleep(0.1 if tries < 20 else 0.5)
        played.never.append(f"{step.service} {step.what} {step.number}: {last}")
        return False
