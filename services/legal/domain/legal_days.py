"""Counting legal delays on calendar days of Paris: from a day of the month to the same day.

Where the last month has no such day, its last day ends the delay (code de procédure civile's computing, which the
rule `limitation.computing` cites with its reservations). No delay is extended to the next working day: the shorter
reading. Years and months are added first, then days.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.legal.rules.parameters import ComputingParameters, Delay

MONTHS_IN_A_YEAR = 12


def after(day: date, delay: Delay) -> date:
    """The same day of the month ``delay`` later. Raises OverflowError beyond the calendar's last year."""
    months = day.month - 1 + delay.months + delay.years * MONTHS_IN_A_YEAR
    year, month = day.year + months // MONTHS_IN_A_YEAR, months % MONTHS_IN_A_YEAR + 1
    if year > date.max.year:
        raise OverflowError("A legal delay ends beyond the calendar. Check the day it starts from.")
    return date(year, month, min(day.day, monthrange(year, month)[1])) + timedelta(days=delay.days)


def last_day_of(start: date, delay: Delay, computing: ComputingParameters) -> date:
    """The last day, inclusive, of a delay that starts on ``start``: the action is possible until midnight of it."""
    end = after(start, delay)
    return end if computing.last_day_included else end - timedelta(days=1)


def days_left(last_day: date, today: date) -> int:
    """Days from ``today`` to ``last_day``: 0 on the last day itself, negative once it has passed."""
    return (last_day - today).days
