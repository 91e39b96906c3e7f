from __future__ import annotations

from datetime import date

import pytest

from services.legal.domain.admissibility import History, admissibility
from services.legal.rules import load
from services.legal.rules.vocabulary import ComplaintFact, Procedure

BOOK = load()
TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("history", "outcome", "opens_on"),
    [
        (History(), "needs-earlier-complaint", None),
        (History(filed_on=date(2026, 8, 22)), "open", date(2026, 11, 22)),
        (History(filed_on=date(2026, 8, 23)), "not-yet", date(2026, 11, 23)),
        (History(filed_on=date(2026, 10, 1), refused_on=date(2026, 11, 2)), "open", date(2026, 11, 2)),
        (History(copy_sent_on=date(2026, 8, 1), filed_on=date(2026, 10, 1)), "open", date(2026, 11, 1)),
        (History(about=(ComplaintFact.PRESS_OFFENCE,)), "open", None),
    ],
)
def test_a_civil_party_waits_for_a_refusal_or_three_months(
    history: History, outcome: str, opens_on: date | None
) -> None:
    found = admissibility(BOOK, Procedure.CIVIL_PARTY, history, TODAY)
    assert (found.outcome, found.opens_on) == (outcome, opens_on)
    assert found.court == "senior-investigating-judge"


def test_a_minor_author_cannot_be_summoned_directly() -> None:
    found = admissibility(BOOK, Procedure.DIRECT_SUMMONS, History(about=(ComplaintFact.MINOR_AUTHOR,)), TODAY)
    assert found.outcome == "blocked"


@pytest.mark.parametrize(
    ("procedure", "about", "deposit"),
    [
        (Procedure.SIMPLE, (), "none"),
        (Procedure.CIVIL_PARTY, (), "set-by-court"),
        (Procedure.CIVIL_PARTY, (ComplaintFact.LEGAL_AID,), "none"),
        (Procedure.DIRECT_SUMMONS, (), "set-by-court"),
        (Procedure.CIVIL, (), "none"),
    ],
)
def test_the_deposit_depends_on_the_procedure_and_legal_aid(
    procedure: Procedure, about: tuple[ComplaintFact, ...], deposit: str
) -> None:
    assert admissibility(BOOK, procedure, History(about=about), TODAY).deposit == deposit
