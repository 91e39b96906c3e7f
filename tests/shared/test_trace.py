"""Trace context: one trace from a request to the events and jobs that it leads to."""

from __future__ import annotations

import re

import pytest

from shared import trace

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_child_stays_in_the_trace_with_a_span_of_its_own():
    child = trace.child_of(GIVEN)
    assert child.split("-")[1] == GIVEN.split("-")[1]
    assert child.split("-")[2] != GIVEN.split("-")[2]


@pytest.mark.parametrize("given", ["", "x", GIVEN + "-more", "00-" + "0" * 32 + "-b7ad6b7169203331-01", GIVEN.upper()])
def test_what_is_no_trace_begins_a_new_one(given):
    child = trace.child_of(given)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", child)
    assert child.split("-")[1] not in given.lower()


def test_work_is_followed_and_left_again():
    assert trace.current() == ""
    with trace.followed(GIVEN) as outer:
        assert trace.current() == outer
        with trace.followed(outer) as inner:
            assert inner.split("-")[1] == outer.split("-")[1]
        assert trace.current() == outer
    assert trace.current() == ""
