"""The earliest possible press limit of each act, computed at opening before any human reads the case."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel

from services.legal.domain.act import published_on, ruled_out
from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.domain.legal_days import days_left, last_day_of
from services.legal.rules.parameters import (
    AlertParameters,
    ComputingParameters,
    LimitationParameters,
)
from services.legal.rules.vocabulary import Fact, Regime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.legal.domain.act import Act
    from services.legal.rules import RuleBook


class PressLimit(BaseModel):
    """The earliest press limit an act could have, inclusive, and the one on a hate ground where that is not excluded.

    ``page_lawyer``: of these two, the earliest still open leaves fewer days than the alert's.
    """

    model_config = FROZEN
    act: str
    last_day: date
    days_left: int
    over: bool
    hate_last_day: date | None
    page_lawyer: bool
    grounds: Grounds


def earliest_press_limits(book: RuleBook, acts: Iterable[Act], today: date) -> tuple[PressLimit, ...]:
    """The press limit of each act that could be a press offence, sorted by act, the earliest of each id once."""
    found: dict[str, PressLimit] = {}
    for act in acts:
        if could_be_press(book, act, today):
            limit = _press_limit(book, act, today)
            found[act.id] = min(found.get(act.id, limit), limit, key=lambda one: (one.last_day, one.model_dump_json()))
    return tuple(limit for _, limit in sorted(found.items()))


def could_be_press(book: RuleBook, act: Act, today: date) -> bool:
    """Whether a short limitation could run: unless every kind told is one that alone cannot be press."""
    _, alert = book.one(AlertParameters, today)
    return not act.kinds or not set(act.kinds) <= set(alert.not_press)


def _press_limit(book: RuleBook, act: Act, today: date) -> PressLimit:
    press, short = book.one(LimitationParameters, today, regime=Regime.PRESS)
    hate, longer = book.one(LimitationParameters, today, regime=Regime.PRESS_HATE)
    counting, computing = book.one(ComputingParameters, today)
    alert, threshold = book.one(AlertParameters, today)
    start = published_on(act)
    last_day = last_day_of(start, short.delay, computing)
    on_hate = None if Fact.HATE_GROUND in ruled_out(act) else last_day_of(start, longer.delay, computing)
    still_open = [left for day in (last_day, on_hate) if day is not None and (left := days_left(day, today)) >= 0]
    return PressLimit(
        act=act.id,
        last_day=last_day,
        days_left=days_left(last_day, today),
        over=last_day < today,
        hate_last_day=on_hate,
        page_lawyer=bool(still_open) and min(still_open) < threshold.days_below,
        grounds=resting_on(today, (press, *((hate,) if on_hate else ()), counting, alert)),
    )
