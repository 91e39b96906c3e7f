from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.legal.domain.act import Act
from services.legal.domain.press_alert import PressLimit, could_be_press, earliest_press_limits
from services.legal.rules import load
from services.legal.rules.vocabulary import ActKind, Fact

BOOK = load()
DAY = date(2026, 3, 10)
DAYS = st.dates(date(2025, 1, 1), date(2028, 12, 31))


def one(act: Act, today: date) -> PressLimit:
    [found] = earliest_press_limits(BOOK, [act], today)
    return found


@pytest.mark.parametrize(
    ("today", "hate_excluded", "pages"),
    [
        (date(2026, 4, 26), True, False),  # 45 days left
        (date(2026, 4, 27), True, True),  # 44
        (date(2026, 6, 10), True, True),  # the last day itself
        (date(2026, 6, 11), True, False),  # over, and no hate ground
        (date(2026, 6, 11), False, False),  # over, a year still runs on a hate ground
        (date(2027, 2, 1), False, True),  # which now comes close
        (date(2027, 3, 11), False, False),  # and is over too
    ],
)
def test_a_lawyer_is_paged_while_something_can_still_be_saved(today: date, hate_excluded: bool, pages: bool) -> None:
    excluded = (Fact.HATE_GROUND,) if hate_excluded else ()
    found = one(Act(id="a", day=DAY, kinds=(ActKind.INSULT,), excluded=excluded), today)
    assert found.last_day == date(2026, 6, 10)
    assert found.page_lawyer is pages
    assert found.over is (today > date(2026, 6, 10))
    assert found.hate_last_day == (None if hate_excluded else date(2027, 3, 10))


@pytest.mark.parametrize(
    ("kinds", "press"),
    [
        ((), True),
        ((ActKind.INSULT,), True),
        ((ActKind.DEFAMATION,), True),
        ((ActKind.PROVOCATION,), True),
        ((ActKind.RAID,), True),
        ((ActKind.REPEATED_MESSAGES,), True),
        ((ActKind.BLACKMAIL,), False),
        ((ActKind.BLACKMAIL, ActKind.DOXING), False),
        ((ActKind.BLACKMAIL, ActKind.INSULT), True),
    ],
)
def test_an_act_that_could_be_press_has_a_press_limit(kinds: tuple[ActKind, ...], press: bool) -> None:
    act = Act(id="a", day=DAY, kinds=kinds)
    assert could_be_press(BOOK, act, DAY) is press
    assert bool(earliest_press_limits(BOOK, [act], DAY)) is press


def test_first_publication_counts_when_it_is_earlier() -> None:
    act = Act(id="a", day=DAY, first_published_on=date(2026, 2, 28), kinds=(ActKind.INSULT,))
    assert one(act, DAY).last_day == date(2026, 5, 28)


def test_the_alert_says_which_rules_it_rests_on() -> None:
    found = one(Act(id="a", day=DAY), DAY)
    assert {basis.rule for basis in found.grounds.rules} == {
        "limitation.press",
        "limitation.press-hate",
        "limitation.computing",
        "limitation.page-lawyer",
    }
    assert PressLimit.model_validate_json(found.model_dump_json()) == found


@given(st.lists(st.tuples(st.sampled_from("abc"), DAYS), max_size=6), st.randoms())
def test_the_earliest_telling_of_each_act_counts_in_any_order(told: list[tuple[str, date]], rng) -> None:
    acts = [Act(id=name, day=day) for name, day in told]
    mixed = [*acts, *acts]
    rng.shuffle(mixed)
    found = earliest_press_limits(BOOK, acts, DAY)
    assert found == earliest_press_limits(BOOK, mixed, DAY)
    assert [limit.act for limit in found] == sorted({name for name, _ in told})
    for limit in found:
        first = min(day for name, day in told if name == limit.act)
        assert timedelta(days=88) < limit.last_day - first < timedelta(days=93)
