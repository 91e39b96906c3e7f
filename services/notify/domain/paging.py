"""When the team is paged: at once, then again and again until somebody took it or nothing can be saved any more.

One page is asked for at a time; the result of one asks for the next. So a relay that is away costs no burst, and what
came due meanwhile is said once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Final

from services.notify.domain.alarms import Alarm, standing_alarms
from services.notify.domain.planning import FRESH
from services.notify.domain.state import Case, notification_id
from shared.clock import end_of_paris_day
from shared.runtime.declaration import Job

PAGE: Final = "page-team"
TEMPLATES: Final = frozenset({"team-danger", "team-deadline", "team-erasure"})
"""What the team is sent: nothing that the person was told."""

QUARTERS: Final = 8
"""Pages of a danger a quarter of an hour apart, after the first; then one an hour until a day is over."""
DAYS: Final = 8
"""Pages a day apart of what has no last day to wait for, the first included."""
LAST_DAYS: Final = timedelta(days=3)
"""Before the end of a last day, in which there is a page every four hours instead of every day."""
_QUARTER, _HOUR, _FOUR_HOURS, _DAY = (timedelta(minutes=15), *(timedelta(hours=one) for one in (1, 4, 24)))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an alarm: not before ``due``, not after ``until`` (UTC), when the next one says it."""

    id: str
    template: str
    alarm: Alarm
    due: datetime
    until: datetime


def asked(state: Case, now: datetime) -> Iterator[Job]:
    """The next page of every alarm that nobody took."""
    for alarm in sorted(standing_alarms(state), key=lambda one: one.key):
        one = _next(state, alarm, now)
        if one is not None:
            payload = {"template": one.template, "alarm": alarm.key}
            yield Job(kind=PAGE, subject=one.id, payload=payload, not_before=one.due if one.due > now else None)


def standing_page(state: Case, alarm: str, page: str) -> Page | None:
    """The page of that id, as long as nobody took its alarm."""
    standing = [one for one in standing_alarms(state) if one.key == alarm]
    return next((one for found in standing for one in _pages(state, found) if one.id == page), None)


def _next(state: Case, alarm: Alarm, now: datetime) -> Page | None:
    """The first page that still says something. An old alarm of which we never paged waits for its next one."""
    begun = now - alarm.at <= FRESH
    for one in _pages(state, alarm):
        settled = one.id in state.outcomes
        if now < one.until and not settled and (begun or now < one.due):
            return one
        begun = begun or settled
    return None


def _pages(state: Case, alarm: Alarm) -> Iterator[Page]:
    template = f"team-{alarm.reason}" if alarm.reason in {"danger", "erasure"} else "team-deadline"
    for due, until in pairwise(_instants(alarm)):
        yield Page(notification_id(state.case, template, f"{alarm.key}.{due.isoformat()}"), template, alarm, due, until)


def _instants(alarm: Alarm) -> Iterator[datetime]:
    """When its pages are due; the last one is the end of the page before."""
    at = alarm.at
    if alarm.reason == "danger":
        quarters = (at + _QUARTER * number for number in range(QUARTERS + 1))
        return chain(quarters, (at + _HOUR * number for number in range(3, 26)))
    ends = at if alarm.last_day is None or alarm.reason == "no-answer" else end_of_paris_day(alarm.last_day)
    if ends <= at:
        return (at + _DAY * number for number in range(DAYS + 1))
    return _until(at, ends)


def _until(at: datetime, ends: datetime) -> Iterator[datetime]:
    due = at
    while due < ends:
        yield due
        last_days = ends - LAST_DAYS
        due = due + _FOUR_HOURS if due >= last_days else min(due + _DAY, last_days)
    yield ends
