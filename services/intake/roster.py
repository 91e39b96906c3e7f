"""Who of the team is on call: a weekly roster in a file of the deployment."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.clock import PARIS
from shared.contracts.event import Id
from shared.errors import Refused
from shared.settings import PREFIX, read


class OnCall(BaseSettings):
    """Where the roster stands, from the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    roster: Path | None = Field(default=None, description="TOML file that says who is on call; unset: nobody is")


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Shift(BaseModel):
    """Hours of one member on days of the week, in Europe/Paris; a night is two shifts."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    staff: Id
    days: tuple[Day, ...]
    hours: tuple[time, time]
    since: date = Field(default=date.min, alias="from")
    until: date = Field(default=date.max, alias="to")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.hours[0] >= self.hours[1] or self.since > self.until:
            raise ValueError("a shift ends after it begins; write a night as two shifts")
        return self

    def covers(self, now: datetime) -> bool:
        """Whether this member is on call at ``now`` (aware)."""
        here = now.astimezone(PARIS)
        on_the_day = _DAYS[here.weekday()] in self.days and self.since <= here.date() <= self.until
        return on_the_day and self.hours[0] <= here.time() < self.hours[1]

    def starts(self, day: date) -> datetime | None:
        """When it begins on ``day``, None if it does not."""
        if _DAYS[day.weekday()] not in self.days or not self.since <= day <= self.until:
            return None
        return datetime.combine(day, self.hours[0], PARIS)


class Roster(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    shift: tuple[Shift, ...] = ()

    def on_call(self, now: datetime) -> str | None:
        """The member on call at ``now``, None when nobody is there."""
        return next((shift.staff for shift in self.shift if shift.covers(now)), None)

    def next_presence(self, now: datetime) -> datetime | None:
        """When somebody is on call again within two weeks, aware; None when that is not known."""
        today = now.astimezone(PARIS).date()
        starts = [
            start
            for ahead in range(15)
            for shift in self.shift
            if (start := shift.starts(today + timedelta(days=ahead))) is not None and start > now
        ]
        return min(starts, default=None)


def read_roster(path: Path | None = None) -> Roster:
    """The roster in ``path``, else in the file that RECOURS_ROSTER names, else ours, which is empty.

    Raises:
        Refused: the file is absent or does not say what a roster says, or somebody is on call and RECOURS_OPERATORS is
            empty: pages would say that somebody is told while nobody is.
    """
    file = path or OnCall().roster or Path(__file__).with_name("roster.toml")
    try:
        roster = Roster.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (OSError, ValidationError, tomllib.TOMLDecodeError):
        message = "The roster that RECOURS_ROSTER names cannot be read: each [[shift]] has staff, days, hours."
        raise Refused("bad-roster", message) from None
    if roster.shift and not read().operators:
        message = "The roster says who is on call, yet nobody would be told: set RECOURS_OPERATORS here and for notify."
        raise Refused("roster-without-operators", message)
    return roster
