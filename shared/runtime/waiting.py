"""What waits in a service's own database, for its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """``jobs``: kind → (count, age of the oldest in seconds); ages and times in seconds."""

    jobs: Mapping[str, tuple[int, float]]
    outbox_age: float
    dead_letters: int
    held: int
    nearest_held_wake: float


async def waiting(database: Any, kinds: Iterable[str], at: datetime) -> Waiting:
    """What waits at ``at`` (aware), of jobs those of these kinds. Raises PyMongoError."""
    jobs = {}
    for kind in kinds:
        count = await database["jobs"].count_documents({"kind": kind})
        first = await database["jobs"].find({"kind": kind}, {"created": 1}).sort("created", 1).limit(1).to_list(1)
        jobs[kind] = (count, (at - first[0]["created"]).total_seconds() if first else 0.0)
    outbox = await database["outbox"].find({}, {"created": 1}).sort("created", 1).limit(1).to_list(1)
    held = [one async for one in database["states"].find({"held": {"$gt": 0}}, {"wake": 1})]
    letters = await database["dead_letters"].count_documents({})
    wakes = [(one["wake"] - at).total_seconds() for one in held if one["wake"]]
    age = (at - outbox[0]["created"]).total_seconds() if outbox else 0.0
    return Waiting(jobs, age, letters, len(held), min(wakes, default=float("inf")))
