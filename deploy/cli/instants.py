"""Instants on the command line: ``2026-12-01T09:00:00Z``, or a day of Europe/Paris."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

from shared.clock import PARIS, end_of_paris_day, start_of_paris_day
from shared.errors import Refused
from shared.trust.signing import PublicKey


def begins(text: str, option: str) -> datetime:
    """The instant that ``text`` says, in UTC; a day begins at midnight in Paris. Raises Refused, naming ``option``."""
    return _read(text, option, last=False)


def ends(text: str, option: str) -> datetime:
    """The instant that ``text`` says, in UTC; a day ends at midnight in Paris. Raises Refused, naming ``option``."""
    return _read(text, option, last=True)


def shown(instant: datetime) -> str:
    """``2026-12-01 10:00`` in Europe/Paris."""
    return instant.astimezone(PARIS).strftime("%Y-%m-%d %H:%M")


def standing(key: PublicKey, now: datetime) -> Literal["not yet", "valid", "ended"]:
    """Where ``now`` (aware) stands to a key's window."""
    return "not yet" if now < key.not_before else "valid" if now < key.not_after else "ended"


def _read(text: str, option: str, *, last: bool) -> datetime:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return end_of_paris_day(day) if last else start_of_paris_day(day)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Refused("bad-instant", f"{option} is a day, 2026-12-01, or an instant with its zone, 2026-12-01T09:00Z.")
    return instant.astimezone(UTC)
