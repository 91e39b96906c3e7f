from __future__ import annotations

from datetime import date

from services.legal.domain.complaint_contents import contents_due, contents_missing
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


def test_what_is_missing_is_named_for_the_complaint_and_for_each_act() -> None:
    due = contents_due(BOOK, Procedure.SIMPLE, (), TODAY)
    own = {one.item for one in due if one.scope == "complaint"}
    per_act = {one.item for one in due if one.scope == "act"}
    missing = contents_missing(
        due, complaint=own - {"signature"}, acts={"a": per_act, "b": per_act - {"hour", "account-permanent-id"}}
    )
    assert [(act, one.item) for act, one in missing] == [
        (None, "signature"),
        ("b", "hour"),
        ("b", "account-permanent-id"),
    ]


def test_a_complaint_without_acts_lacks_every_item_of_an_act() -> None:
    due = contents_due(BOOK, Procedure.SIMPLE, (), TODAY)
    missing = contents_missing(due, complaint={one.item for one in due}, acts={})
    assert [one.item for _, one in missing] == [one.item for one in due if one.scope == "act"]
    assert missing
