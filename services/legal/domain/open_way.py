"""Whether the offer and the law open a procedure, and which last day its filing still saves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.legal.domain.admissibility import admissibility
from services.legal.domain.diagnosis import authors, history
from services.legal.domain.eligibility import eligibility
from services.legal.domain.opening import alert_before, computed, limits_of, steps
from services.legal.domain.state import Case, acts
from services.legal.rules import load
from services.legal.rules.vocabulary import ComplaintFact
from services.legal.rules.vocabulary import Procedure as Way
from shared.clock import start_of_paris_day
from shared.contracts.legal import Procedure
from shared.errors import Refused


def about(told: Sequence[ComplaintFact], *, of_age: bool) -> tuple[ComplaintFact, ...]:
    """What a complaint is about; an author not known to be of age may be a minor."""
    return tuple(dict.fromkeys((*told, *(() if of_age else (ComplaintFact.MINOR_AUTHOR,)))))


def open_way(state: Case, procedure: Procedure, today: date, said: Sequence[ComplaintFact]) -> None:
    """Raises Refused, with the reason and the date, where the offer or the law does not open this procedure."""
    book = load()
    fits = eligibility(book, authors(state), today)
    if not fits.fits:
        left = _dates_left(state, today)
        message = (
            f"The offer takes affairs of fewer than {fits.authors_below} authors. The other way is "
            f"{fits.other_route}; {left}; the evidence stays yours to take away."
        )
        raise Refused(fits.reason or "not-eligible", message, field="procedure")
    if ComplaintFact.PRESS_OFFENCE in said and not _press_known(state, today):
        message = "No act of this case may be a press offence. Take that out, or correct the acts first."
        raise Refused("not-a-press-offence", message, field="about")
    way = admissibility(book, Way(procedure), history(state, said), today)
    match way.outcome:
        case "blocked":
            message = "This way is closed while an author may be a minor. Take another one, or say that all are of age."
            raise Refused("author-may-be-minor", message, field="procedure")
        case "needs-earlier-complaint":
            message = "This way opens after a simple complaint. File one first."
            raise Refused("needs-earlier-complaint", message, field="procedure")
        case "not-yet":
            message = f"This way opens on {way.opens_on}, or once the earlier complaint is refused. Wait until then."
            raise Refused("not-yet", message, field="procedure")
        case _:
            return


def pressing(state: Case, today: date) -> date | None:
    """The nearest last day of an act that alerts already: filing before it still saves the act."""
    limits = (*computed(state, today), *(state.diagnosis.limits if state.diagnosis else ()))
    near = (
        one.last_day
        for one in limits
        if one.last_day >= today and alert_before(load(), one.last_day, today) <= start_of_paris_day(today)
    )
    return min(near, default=None)


def _press_known(state: Case, today: date) -> bool:
    found = limits_of(acts(state, today), steps(state), today)
    return any(one.regime.value.startswith("press") for one in found)


def _dates_left(state: Case, today: date) -> str:
    left = sorted({one.last_day for one in computed(state, today) if one.last_day >= today})
    return f"the nearest last day is {left[0].isoformat()}" if left else "no last day is known to be ahead"
