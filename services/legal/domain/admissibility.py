"""Which way to a court is open, from which day, and whether a deposit is due."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from services.legal.domain.conclusion import FROZEN, Grounds, resting_on
from services.legal.domain.legal_days import after
from services.legal.rules.parameters import ProcedureParameters
from services.legal.rules.vocabulary import ComplaintFact, Procedure

if TYPE_CHECKING:
    from services.legal.rules import RuleBook


class History(BaseModel):
    """What has happened so far, as Paris days, and what the complaint is ``about``."""

    model_config = FROZEN
    filed_on: date | None = None
    refused_on: date | None = None
    copy_sent_on: date | None = None
    about: tuple[ComplaintFact, ...] = ()


class Admissibility(BaseModel):
    """Whether a procedure is open on the day asked.

    ``opens_on``: the earliest day that something in the history opens it, None when nothing has to or nothing did.
    """

    model_config = FROZEN
    procedure: Procedure
    outcome: Literal["open", "not-yet", "needs-earlier-complaint", "blocked"]
    opens_on: date | None
    court: str
    form: tuple[str, ...]
    deposit: Literal["none", "set-by-court"]
    grounds: Grounds


def admissibility(book: RuleBook, procedure: Procedure, history: History, today: date) -> Admissibility:
    """Whether ``procedure`` is open on ``today``, given what has happened. Only what is in the book blocks it."""
    rule, way = book.one(ProcedureParameters, today, procedure=procedure)
    about = set(history.about)
    free = any(opening.after == "always" for opening in way.openings) or bool(about & set(way.always_open_for))
    opens_on = None if free else _opens_on(way, history)
    outcome: Literal["open", "not-yet", "needs-earlier-complaint", "blocked"]
    if about & set(way.blocked_by):
        outcome = "blocked"
    elif free:
        outcome = "open"
    elif opens_on is None:
        outcome = "needs-earlier-complaint"
    else:
        outcome = "open" if opens_on <= today else "not-yet"
    return Admissibility(
        procedure=procedure,
        outcome=outcome,
        opens_on=opens_on,
        court=way.court,
        form=way.form,
        deposit="none" if about & set(way.deposit_waived_by) else way.deposit,
        grounds=resting_on(today, (rule,)),
    )


def _opens_on(way: ProcedureParameters, history: History) -> date | None:
    happened = {
        "complaint-refused": history.refused_on,
        "complaint-filed": history.filed_on,
        "police-copy-sent-to-prosecutor": history.copy_sent_on,
    }
    days = [
        after(day, opening.delay) if opening.delay else day
        for opening in way.openings
        if (day := happened.get(opening.after)) is not None
    ]
    return min(days, default=None)
