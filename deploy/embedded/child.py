"""What the supervisor has to know of a process it keeps alive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Probe = Callable[[], Awaitable[bool]]
Step = Callable[[], Awaitable[None]]
State = Literal["waiting", "starting", "ready", "restarting", "paused", "stopped", "failed"]


async def nothing() -> None:
    """A step that has nothing to do."""


@dataclass(frozen=True)
class Child:
    """One process of the platform.

    ``needs`` are ready before it starts. ``prepare`` runs before every start, ``arrange`` after every start once
    ``answers`` is true; only then is it ready. Both are idempotent. ``environment`` is asked at every start, so that
    it may hold what others made when they became ready (a token, a certificate chain).
    """

    name: str
    what: str
    command: tuple[str, ...]
    address: str
    answers: Probe
    environment: Callable[[], Mapping[str, str]] = dict
    needs: tuple[str, ...] = ()
    prepare: Step = nothing
    arrange: Step = nothing
    drain_seconds: float = 5
    is_service: bool = False
