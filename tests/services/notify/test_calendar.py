from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from services.notify.calendar import hearing_calendar
from shared.clock import PARIS
from shared.errors import Refused

HEARING = "5b0f3d5e-0d0c-4a52-9a1c-1b1f6a3b2c4d"
SUMMER = datetime(2027, 6, 15, 12, 30, tzinfo=UTC)
WINTER = datetime(2027, 1, 15, 12, 30, tzinfo=UTC)
STAMPED = datetime(2026, 11, 3, 14, 5, 9, tzinfo=UTC)


def ics(**changes: Any) -> bytes:
    values: dict[str, Any] = {
        "starts": SUMMER,
        "place": "67 rue Servient, Lyon; salle 3",
        "language": "fr",
        "status": "scheduled",
        "sequence": 0,
        "stamped": STAMPED,
        "organizer": "agenda@example.org",
        "attendee": "camille.perrin@example.org",
    }
    return hearing_calendar(changes.pop("hearing_id", HEARING), **{**values, **changes})


def read(data: bytes) -> tuple[Any, Any]:
    calendar = Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


@pytest.mark.parametrize(("starts", "hour", "offset"), [(SUMMER, 14, 2), (WINTER, 13, 1)])
def test_the_hour_is_that_of_paris_in_summer_and_in_winter(starts: datetime, hour: int, offset: int) -> None:
    data = ics(starts=starts)
    _, event = read(data)
    assert f"DTSTART;TZID=Europe/Paris:{starts:%Y%m%d}T{hour}3000".encode() in data
    assert event["DTSTART"].dt == starts
    assert event["DTSTART"].dt.utcoffset() == timedelta(hours=offset)
    assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(hours=1)


def test_the_time_zone_travels_with_the_file() -> None:
    calendar, _ = read(ics())
    (zone,) = calendar.walk("VTIMEZONE")
    assert zone["TZID"] == "Europe/Paris"
    offsets = {(part.name, part["TZOFFSETTO"].td) for part in zone.subcomponents}
    assert offsets == {("STANDARD", timedelta(hours=1)), ("DAYLIGHT", timedelta(hours=2))}
    assert b"BEGIN:VTIMEZONE" in ics().split(b"BEGIN:VEVENT", maxsplit=1)[0]


@pytest.mark.parametrize("year", range(2026, 2038))
def test_the_time_zone_changes_when_paris_does(year: int) -> None:
    (zone,) = read(ics())[0].walk("VTIMEZONE")
    for part in zone.subcomponents:
        rule = part["RRULE"]
        last_sunday = max(
            day for day in (date(year, rule["BYMONTH"][0], n) for n in range(25, 32)) if day.weekday() == 6
        )
        assert rule["BYDAY"] == ["-1SU"]
        # RFC 5545, 3.6.5: the onset is a local time, with the offset that held before.
        onset = datetime.combine(last_sunday, part["DTSTART"].dt.time(), UTC) - part["TZOFFSETFROM"].td
        before, after = ((onset + timedelta(seconds=step)).astimezone(PARIS).utcoffset() for step in (-1, 0))
        assert (before, after) == (part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td)


@pytest.mark.parametrize(("language", "summary"), [("fr", "Rendez-vous"), ("en", "Appointment")])
def test_the_words_are_neutral(language: str, summary: str) -> None:
    data = ics(language=language)
    _, event = read(data)
    assert event["SUMMARY"] == summary
    assert event["CLASS"] == "PRIVATE"
    assert "DESCRIPTION" not in event
    lowered = data.decode().lower()
    for word in ("audience", "hearing", "tribunal", "harc", "recours", "plainte", HEARING):
        assert word not in lowered


def test_a_hearing_keeps_its_uid_and_another_has_its_own() -> None:
    first, moved, other = (
        read(ics())[1],
        read(ics(status="moved", sequence=1, starts=WINTER))[1],
        read(ics(hearing_id="other"))[1],
    )
    assert first["UID"] == moved["UID"] != other["UID"]


def test_a_move_is_a_request_with_a_higher_sequence() -> None:
    calendar, event = read(ics(status="moved", sequence=2, starts=WINTER))
    assert calendar["METHOD"] == "REQUEST"
    assert event["STATUS"] == "CONFIRMED"
    assert event["SEQUENCE"] == 2


def test_a_cancellation_cancels() -> None:
    calendar, event = read(ics(status="cancelled", sequence=3))
    assert calendar["METHOD"] == "CANCEL"
    assert event["STATUS"] == "CANCELLED"
    assert event["SEQUENCE"] == 3


@pytest.mark.parametrize("status", ["moved", "cancelled"])
def test_a_change_with_the_first_sequence_is_refused(status: str) -> None:
    with pytest.raises(Refused) as caught:
        ics(status=status, sequence=0)
    assert caught.value.code == "calendar-sequence"


def test_text_cannot_add_lines_to_the_file() -> None:
    place = "Salle 3\r\nATTENDEE:mailto:evil@example.org\nX;,\\ é 😀 " + "long " * 40
    calendar, event = read(ics(place=place))
    assert event["LOCATION"] == " ".join(place.split())
    assert len(calendar.walk("VEVENT")) == 1
    assert str(event["ATTENDEE"]) == "mailto:camille.perrin@example.org"


@pytest.mark.parametrize("address", ["", "a", "a@b\r\nX:1", "a b@c", 'a"@b', "mailto:a@b"])
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(Refused) as caught:
        ics(attendee=address)
    assert caught.value.code == "calendar-address"
    assert not address or address not in str(caught.value) or len(address) == 1


def test_the_same_version_gives_the_same_bytes_with_network_line_ends() -> None:
    assert ics() == ics()
    assert all(len(line) <= 75 for line in ics(place="é" * 300).split(b"\r\n"))
    assert b"\n" not in ics().replace(b"\r\n", b"")


def test_a_place_may_be_unknown() -> None:
    assert "LOCATION" not in read(ics(place=None))[1]


def test_naive_times_and_empty_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ics(starts=SUMMER.replace(tzinfo=None))
    with pytest.raises(Refused):
        ics(lasts=timedelta(0))


def test_an_appointment_over_the_change_of_clocks_lasts_what_it_lasts() -> None:
    _, event = read(ics(starts=datetime(2027, 3, 28, 0, 30, tzinfo=UTC), lasts=timedelta(hours=2)))
    assert event["DTEND"].dt.astimezone(UTC) == datetime(2027, 3, 28, 2, 30, tzinfo=UTC)
