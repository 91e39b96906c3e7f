from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.legal.domain.hearing_notice import letter_check, notice_check
from services.legal.rules import load
from services.legal.rules.vocabulary import Area, HearingKind

BOOK = load()
SERVED = date(2026, 5, 4)


def check(hearing: HearingKind, day: date, *, today: date = SERVED, area: Area = Area.MAINLAND, served: date = SERVED):
    return notice_check(BOOK, hearing, served_on=served, hearing_day=day, area=area, today=today)


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        (date(2026, 5, 13), "too-soon"),
        (date(2026, 5, 14), "lawful"),
        (date(2026, 5, 3), "past"),
    ],
)
def test_ten_days_are_owed_to_the_summoned(day: date, outcome: str) -> None:
    found = check(HearingKind.DIRECT_SUMMONS, day)
    assert (found.outcome, found.required_days, found.earliest_day) == (outcome, 10, date(2026, 5, 14))
    assert found.grounds.to_confirm_by_lawyer
    assert [basis.citation for basis in found.grounds.rules] == ["Code de procédure pénale, art. 552"]


def test_a_hearing_of_yesterday_is_past_however_it_was_called() -> None:
    yesterday = date(2026, 6, 1)
    assert check(HearingKind.DIRECT_SUMMONS, yesterday, today=date(2026, 6, 2)).outcome == "past"
    assert check(HearingKind.CIVIL, yesterday, today=date(2026, 6, 2)).outcome == "past"


def test_a_kind_without_rule_is_said_not_to_apply() -> None:
    found = check(HearingKind.CIVIL, date(2026, 5, 5))
    assert (found.outcome, found.earliest_day, found.grounds.rules) == ("not-applicable", None, ())


def test_a_minor_is_heard_within_the_window() -> None:
    days = [date(2026, 5, 13), date(2026, 5, 14), date(2026, 8, 4), date(2026, 8, 5)]
    said = [check(HearingKind.MINOR_GUILT, day).outcome for day in days]
    assert said == ["too-soon", "lawful", "lawful", "too-late"]


@given(st.dates(date(2022, 1, 1), date(2040, 1, 1)), st.sampled_from(Area), st.integers(0, 120))
def test_distance_never_shortens_a_notice_and_the_earliest_day_is_lawful(served: date, area: Area, wait: int) -> None:
    near = check(HearingKind.DIRECT_SUMMONS, served, served=served, today=served)
    far = check(HearingKind.DIRECT_SUMMONS, served + timedelta(days=wait), served=served, today=served, area=area)
    assert near.earliest_day is not None
    assert far.earliest_day is not None
    assert far.earliest_day >= near.earliest_day
    assert (far.outcome == "lawful") is (served + timedelta(days=wait) >= far.earliest_day)


def test_the_letter_of_a_civil_party_is_measured_in_hours_across_zones() -> None:
    hearing = datetime.fromisoformat("2026-05-14T09:00:00+02:00")
    for late, outcome in ((timedelta(0), "lawful"), (timedelta(minutes=1), "too-late")):
        found = letter_check(BOOK, datetime(2026, 5, 13, 7, 0, tzinfo=UTC) + late, hearing)
        assert (found.outcome, found.curable) == (outcome, True)
        assert found.latest_at == datetime(2026, 5, 13, 7, 0, tzinfo=UTC)
