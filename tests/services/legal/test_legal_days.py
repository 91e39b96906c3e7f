from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.legal.domain.legal_days import after, days_left, last_day_of
from services.legal.rules import load
from services.legal.rules.parameters import ComputingParameters, Delay

DAYS = st.dates(date(2017, 3, 1), date(2060, 12, 31))
DELAYS = st.builds(Delay, years=st.integers(0, 20), months=st.integers(0, 30), days=st.integers(1, 60)) | st.builds(
    Delay, months=st.integers(1, 30)
)


@pytest.mark.parametrize(
    ("start", "delay", "end"),
    [
        (date(2011, 8, 23), Delay(months=3), date(2011, 11, 23)),  # Crim. 12-11-2014 no 13-84.444
        (date(2025, 11, 30), Delay(months=3), date(2026, 2, 28)),
        (date(2027, 11, 30), Delay(months=3), date(2028, 2, 29)),
        (date(2024, 2, 29), Delay(years=1), date(2025, 2, 28)),
        (date(2024, 2, 29), Delay(years=4), date(2028, 2, 29)),
        (date(2026, 12, 31), Delay(months=2), date(2027, 2, 28)),
        (date(2026, 12, 1), Delay(months=1), date(2027, 1, 1)),
        (date(2026, 1, 31), Delay(months=1, days=1), date(2026, 3, 1)),
    ],
)
def test_a_delay_ends_on_the_same_day_of_the_month_or_its_last(start: date, delay: Delay, end: date) -> None:
    assert after(start, delay) == end


@given(DAYS, DAYS, DELAYS)
def test_a_later_start_never_ends_sooner(one: date, other: date, delay: Delay) -> None:
    assert after(min(one, other), delay) <= after(max(one, other), delay)


@given(DAYS, DELAYS)
def test_a_delay_ends_after_it_starts(start: date, delay: Delay) -> None:
    assert after(start, delay) > start


@given(DAYS, st.integers(0, 300), st.integers(1, 50))
def test_a_longer_delay_never_ends_sooner(start: date, months: int, more: int) -> None:
    assert after(start, Delay(months=months, days=1)) <= after(start, Delay(months=months + more, days=1))


@given(DAYS, DELAYS)
def test_a_lawyer_may_keep_one_day_in_hand(start: date, delay: Delay) -> None:
    _, computing = load().one(ComputingParameters, date(2026, 1, 1))
    cautious = computing.model_copy(update={"last_day_included": False})
    assert last_day_of(start, delay, computing) - last_day_of(start, delay, cautious) == timedelta(days=1)


def test_a_delay_beyond_the_calendar_is_refused_in_words() -> None:
    with pytest.raises(OverflowError, match="Check the day"):
        after(date(9999, 12, 31), Delay(months=1))


def test_zero_days_are_left_on_the_last_day() -> None:
    assert [days_left(date(2026, 4, 10), date(2026, 4, day)) for day in (9, 10, 11)] == [1, 0, -1]
