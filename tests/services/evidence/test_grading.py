from __future__ import annotations

from typing import get_args

import pytest

from services.evidence.domain.grading import SHOULD_SHOW, grade_of, missing_from
from shared.contracts.evidence import ExhibitKind, Missing


@pytest.mark.parametrize(
    ("missing", "grade"),
    [
        ((), "A"),
        (("hour",), "B"),
        (("address",), "B"),
        (("hour", "address"), "B"),
        (("date",), "C"),
        (("author", "hour", "address"), "C"),
        (("date", "author"), "D"),
        (("content",), "D"),
    ],
)
def test_the_grade_says_what_weighs_most(missing, grade):
    assert grade_of(missing) == grade


def test_lacking_more_never_makes_a_better_grade():
    aspects = get_args(Missing)
    for chosen in range(2 ** len(aspects)):
        lacking = {aspect for at, aspect in enumerate(aspects) if chosen >> at & 1}
        for more in aspects:
            assert grade_of(lacking | {more}) >= grade_of(lacking)


def test_every_kind_says_what_it_should_show():
    assert set(SHOULD_SHOW) == set(get_args(ExhibitKind))
    assert all({"content", "date", "author"} <= set(needed) for needed in SHOULD_SHOW.values())


def test_what_is_not_ticked_is_missing_in_the_order_of_the_table():
    assert missing_from("post", {"author", "content"}) == ("date", "hour", "address")
    assert missing_from("sms", {"date", "hour", "author", "content"}) == ()
    assert missing_from("photo", ()) == ("date", "author", "content")
