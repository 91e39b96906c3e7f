"""Clocks: aware UTC in whole milliseconds inside, days of Europe/Paris at the legal edge."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def now() -> datetime:
    """The present instant, aware UTC, truncated to the millisecond (what BSON keeps)."""
    return milliseconds(datetime.now(UTC))  # noqa: TID251 - the one place that reads the clock


def milliseconds(instant: datetime) -> datetime:
    """``instant`` in UTC, truncated to the millisecond. Raises ValueError on a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("A datetime needs a time zone.")
    utc = instant.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def paris_day(instant: datetime) -> date:
    """The calendar day of ``instant`` in Europe/Paris."""
    return instant.astimezone(PARIS).date()


def end_of_paris_day(day: date) -> datetime:
    """The instant at which ``day`` ends in Europe/Paris (next midnight there), in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, PARIS).astimezone(UTC)


def start_of_paris_day(day: date) -> datetime:
    """The instant at which ``day`` begins in Europe/Paris, in UTC."""
    return datetime.combine(day, time.min, PARIS).astimezone(UTC)
