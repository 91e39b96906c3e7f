"""The arithmetic: ratios per repeat, their median and range, how noisy the machine was, and what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NOISE_LIMIT = 1.3
"""Above this ratio of the reference to itself nothing can be concluded."""
Verdict = Literal["met", "missed", "measured"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of what was measured."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median has to be: ``at least`` or ``at most`` so much, in the row's own unit."""

    sense: Literal["at least", "at most"]
    value: float

    def met(self, value: float) -> bool:
        return value >= self.value if self.sense == "at least" else value <= self.value


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError where nothing was measured."""
    if not values:
        raise ValueError("Nothing was measured.")
    return Spread(statistics.median(values), min(values), max(values))


def speeds(reference: Sequence[float], subject: Sequence[float]) -> list[float]:
    """How fast the subject is in units of the reference, repeat by repeat, from seconds per output of each."""
    return [one / other for one, other in zip(reference, subject, strict=True)]


def noise(first: Sequence[float], second: Sequence[float]) -> Spread:
    """The reference against itself, repeat by repeat: how many times longer the longer of its two runs took."""
    return spread([max(one, other) / min(one, other) for one, other in zip(first, second, strict=True)])


def verdict(measured: Spread, goal: Goal | None) -> Verdict:
    """What the median says of the goal."""
    if goal is None:
        return "measured"
    return "met" if goal.met(measured.median) else "missed"


def conclusive(found: Spread) -> bool:
    """Whether the machine was quiet enough: by the median of the noise, as rows are judged by their median."""
    return found.median <= NOISE_LIMIT
