"""Emergency numbers and their hours, read from dated data."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from datetime import date, datetime, time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from shared.clock import PARIS
from shared.contracts.sealed import Danger


class Number(BaseModel):
    """A number with what it is for. ``hours`` in Europe/Paris, None when it always answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    number: str
    text: bool = False
    url: str | None = None
    hours: tuple[time, time] | None = None
    serves: tuple[Danger, ...]
    first: tuple[Danger, ...] = ()
    fr: str
    en: str

    def open_at(self, now: datetime) -> bool:
        """Whether somebody answers at ``now`` (aware)."""
        return self.hours is None or self.hours[0] <= now.astimezone(PARIS).time() < self.hours[1]


class Numbers(BaseModel):
    """``as_of``: the day on which all of them were as said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    number: tuple[Number, ...]


def read_numbers(path: Path | None = None) -> Numbers:
    """The numbers in ``path``, by default ours. Raises ValueError on a file that does not say what it must."""
    return Numbers.model_validate(tomllib.loads((path or Path(__file__).with_name("numbers.toml")).read_text("utf-8")))


def numbers_for(numbers: Numbers, dangers: Collection[str], now: datetime) -> tuple[Number, ...]:
    """The numbers for these dangers, all of them without a danger.

    First those made for one of the dangers, then the others in the file's order; within each, those that answer now.
    """
    fitting = [one for one in numbers.number if not dangers or set(one.serves) & set(dangers)]
    return tuple(sorted(fitting, key=lambda one: (not set(one.first) & set(dangers), not one.open_at(now))))
