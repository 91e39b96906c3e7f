from __future__ import annotations

from datetime import date

from services.legal.domain.after_judgment import appeal, claim_window
from services.legal.rules import load

BOOK = load()
TODAY = date(2026, 11, 22)


def test_an_appeal_has_ten_days_and_five_more_once_somebody_has_appealed() -> None:
    assert appeal(BOOK, date(2026, 12, 24)).last_day == date(2027, 1, 3)
    others = appeal(BOOK, date(2026, 12, 24), another_appealed=True)
    assert (others.last_day, others.civil_party_scope) == (date(2027, 1, 8), "civil-interests")


def test_the_commission_takes_the_later_of_both_windows() -> None:
    facts = date(2026, 3, 10)
    early = claim_window(BOOK, "civi", facts, TODAY, decided_on=date(2026, 10, 1))
    late = claim_window(BOOK, "civi", facts, TODAY, decided_on=date(2029, 10, 1))
    assert (early.last_day, late.last_day) == (date(2029, 3, 10), date(2030, 10, 1))
    assert early.opens_on is None


def test_the_recovery_service_waits_for_a_final_decision() -> None:
    before = claim_window(BOOK, "sarvi", date(2026, 3, 10), TODAY)
    after = claim_window(BOOK, "sarvi", date(2026, 3, 10), TODAY, decided_on=date(2026, 12, 31))
    assert (before.opens_on, before.last_day) == (None, None)
    assert (after.opens_on, after.last_day) == (date(2027, 2, 28), date(2027, 12, 31))
