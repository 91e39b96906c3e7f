"""Whether a hearing is called with the lawful delay, and a civil party's letter is in on time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.domain.legal_days import after
from services.legal.rules.parameters import CivilPartyNoticeParameters, NoticeParameters
from shared.clock import paris_day

if TYPE_CHECKING:
    from services.legal.rules import RuleBook
    from services.legal.rules.vocabulary import Area, HearingKind


class NoticeCheck(BaseModel):
    """The check of one hearing's notice.

    ``past``: the hearing day is before the day asked or before service. ``not-applicable``: the book has no notice
    rule for this kind. ``required_days``: calendar days between service and ``earliest_day``; ``latest_day`` where
    the law also sets a longest delay.
    """

    model_config = FROZEN
    outcome: Literal["lawful", "too-soon", "too-late", "past", "not-applicable"]
    required_days: int | None
    earliest_day: date | None
    latest_day: date | None
    grounds: Grounds


class LetterCheck(BaseModel):
    """Whether a civil party's letter came early enough; ``curable``: lateness can be repaired at the hearing."""

    model_config = FROZEN
    outcome: Literal["lawful", "too-late"]
    curable: bool
    latest_at: datetime
    grounds: Grounds


def notice_check(
    book: RuleBook, hearing: HearingKind, *, served_on: date, hearing_day: date, area: Area, today: date
) -> NoticeCheck:
    """Check a hearing on ``hearing_day`` of which the party living in ``area`` was served on ``served_on``."""
    match [(rule, notice) for rule, notice in book.of(NoticeParameters, served_on) if hearing in notice.hearings]:
        case [(rule, notice)]:
            earliest = _earliest(notice, served_on, area)
            latest = after(served_on, notice.at_most) if notice.at_most else None
            return NoticeCheck(
                outcome=_outcome(served_on, hearing_day, today, earliest, latest),
                required_days=(earliest - served_on).days,
                earliest_day=earliest,
                latest_day=latest,
                grounds=resting_on(served_on, (rule,)),
            )
        case _:
            return NoticeCheck(
                outcome="past" if hearing_day < max(served_on, today) else "not-applicable",
                required_days=None,
                earliest_day=None,
                latest_day=None,
                grounds=resting_on(served_on, ()),
            )


def letter_check(book: RuleBook, received_at: datetime, hearing_at: datetime) -> LetterCheck:
    """Check a civil party's letter received at an aware instant, for a hearing at another."""
    day = paris_day(received_at)
    rule, notice = book.one(CivilPartyNoticeParameters, day)
    latest = hearing_at - timedelta(hours=notice.hours_at_least)
    return LetterCheck(
        outcome="lawful" if received_at <= latest else "too-late",
        curable=notice.curable,
        latest_at=latest,
        grounds=resting_on(day, (rule,)),
    )


def _earliest(notice: NoticeParameters, served_on: date, area: Area) -> date:
    """The first lawful day. Where the order of adding the delays matters, the later day: the safer one to hold."""
    ends = [after(served_on, notice.at_least)]
    for farther in (one.delay for one in notice.extra if one.area is area):
        ends += [after(ends[0], farther), after(after(served_on, farther), notice.at_least)]
    return max(ends)


def _outcome(
    served_on: date, hearing_day: date, today: date, earliest: date, latest: date | None
) -> Literal["lawful", "too-soon", "too-late", "past"]:
    if hearing_day < max(served_on, today):
        return "past"
    if hearing_day < earliest:
        return "too-soon"
    if latest is not None and hearing_day > latest:
        return "too-late"
    return "lawful"
