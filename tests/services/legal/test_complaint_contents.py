from __future__ import annotations

from datetime import date

from services.legal.domain.complaint_contents import contents_due
from services.legal.rules import load
from services.legal.rules.vocabulary import ComplaintFact, Procedure

BOOK = load()
TODAY = date(2026, 11, 22)
PRESS = {
    "precise-fact",
    "single-qualification",
    "applicable-text",
    "domicile-in-court-city",
    "notice-to-prosecutor",
}


def items(procedure: Procedure, *about: ComplaintFact) -> set[str]:
    return {one.item for one in contents_due(BOOK, procedure, about, TODAY)}


def test_a_press_summons_carries_what_avoids_nullity() -> None:
    assert items(Procedure.DIRECT_SUMMONS, ComplaintFact.PRESS_OFFENCE) >= PRESS
    assert not items(Procedure.DIRECT_SUMMONS) & PRESS
    assert not items(Procedure.SIMPLE, ComplaintFact.PRESS_OFFENCE) & PRESS


def test_a_civil_party_proves_the_earlier_complaint_but_for_press() -> None:
    assert "earlier-complaint-proof" in items(Procedure.CIVIL_PARTY)
    assert "earlier-complaint-proof" not in items(Procedure.CIVIL_PARTY, ComplaintFact.PRESS_OFFENCE)
    assert "earlier-complaint-proof" not in items(Procedure.SIMPLE)
