from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.notify.wishes import allowed_from
from shared.contracts.sealed import Wishes


def at(hour, minute=0, day=23):
    """An instant of November 2026, when Paris is an hour ahead of UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def hours(after, before):
    return Wishes.model_validate({"after": after, "before": before})


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        (("18:00", "21:00"), at(17), at(17)),
        (("18:00", "21:00"), at(19, 59), at(19, 59)),
        (("18:00", "21:00"), at(20), at(17, day=24)),
        (("18:00", "21:00"), at(6), at(17)),
        (("22:00", "06:00"), at(21), at(21)),
        (("22:00", "06:00"), at(4, 59), at(4, 59)),
        (("22:00", "06:00"), at(5), at(21)),
        (("00:00", "00:00"), at(3), at(3)),
    ],
)
def test_a_mail_waits_for_the_hours_of_paris(window, now, expected):
    assert allowed_from(hours(*window), now) == expected


def test_without_wishes_nobody_is_written_to_at_night():
    assert allowed_from(Wishes(), at(22)) == at(8, day=24)


def test_hours_keep_their_clock_time_when_the_clocks_change():
    before = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    assert allowed_from(hours("18:00", "21:00"), before) == datetime(2026, 10, 25, 17, 0, tzinfo=UTC)
