"""Until when a judgment can be appealed, and a compensation fund asked. Last days are inclusive."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.domain.legal_days import after
from services.legal.rules.parameters import AppealParameters, ClaimParameters

if TYPE_CHECKING:
    from services.legal.rules import RuleBook


class Appeal(BaseModel):
    """Until when an appeal is possible, and on what the civil party may appeal."""

    model_config = FROZEN
    last_day: date
    civil_party_scope: Literal["civil-interests"]
    grounds: Grounds


class ClaimWindow(BaseModel):
    """When a fund may be asked: from ``opens_on`` (None: at once) to ``last_day`` (None: nothing runs yet)."""

    model_config = FROZEN
    fund: Literal["civi", "sarvi"]
    opens_on: date | None
    last_day: date | None
    grounds: Grounds


def appeal(book: RuleBook, from_day: date, *, another_appealed: bool = False) -> Appeal:
    """The appeal of a judgment given (or, in some absences, served) on ``from_day``."""
    rule, delays = book.one(AppealParameters, from_day)
    last_day = after(from_day, delays.delay)
    return Appeal(
        last_day=after(last_day, delays.others_extra) if another_appealed else last_day,
        civil_party_scope=delays.civil_party_scope,
        grounds=resting_on(from_day, (rule,)),
    )


def claim_window(
    book: RuleBook, fund: Literal["civi", "sarvi"], facts_on: date, today: date, *, decided_on: date | None = None
) -> ClaimWindow:
    """When ``fund`` may be asked for facts of ``facts_on``, with the day of the final decision where there is one."""
    rule, window = book.one(ClaimParameters, today, fund=fund)
    ends = [after(facts_on, window.from_facts)] if window.from_facts else []
    if decided_on:
        ends.append(after(decided_on, window.from_decision))
    return ClaimWindow(
        fund=fund,
        opens_on=after(decided_on, window.opens_after) if decided_on and window.opens_after else None,
        last_day=max(ends, default=None),
        grounds=resting_on(today, (rule,)),
    )
