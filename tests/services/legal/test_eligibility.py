from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.legal.domain.eligibility import Authors, eligibility
from services.legal.rules import load

BOOK = load()
TODAY = date(2026, 11, 22)


@given(st.integers(0, 60), st.integers(0, 60) | st.none())
def test_the_offer_fits_only_when_fewer_than_fifteen_are_certain(least: int, more: int | None) -> None:
    most = None if more is None else least + more
    found = eligibility(BOOK, Authors(at_least=least, at_most=most), TODAY)
    assert found.fits is (most is not None and most < 15)
    assert (found.reason is None) is found.fits
    assert (found.other_route is None) is found.fits


def test_unknown_numbers_already_too_many_are_too_many() -> None:
    assert eligibility(BOOK, Authors(at_least=15), TODAY).reason == "authors-too-many"


def test_a_range_in_the_wrong_order_is_refused() -> None:
    with pytest.raises(ValidationError, match="range in order"):
        Authors(at_least=5, at_most=4)
