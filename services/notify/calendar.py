"""A hearing as a calendar file (iCalendar, RFC 5545; scheduling by RFC 5546) whose words tell a passer-by nothing.

A hearing keeps one UID for life. Each change raises SEQUENCE, so that a calendar moves the entry instead of adding
another; a cancellation is METHOD:CANCEL with STATUS:CANCELLED. Hours are written in Europe/Paris with its VTIMEZONE,
as the court states them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from shared import ids
from shared.clock import PARIS, milliseconds
from shared.errors import Refused

Language = Literal["fr", "en"]
Status = Literal["scheduled", "moved", "cancelled"]

SUMMARY: dict[Language, str] = {"fr": "Rendez-vous", "en": "Appointment"}
# No name of ours: calendars show a file's producer.
_PRODUCER = "-//agenda//rendez-vous 1.0//FR"
# The rule of directive 2000/84/EC, in force in France since 1996; a test compares it with the tz database. The
# library's own generator puts the spring change an hour late (RFC 5545, 3.6.5: local time before the change).
_PARIS = """\
BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:DAYLIGHT
DTSTART:19970330T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""
_MAILBOX = re.compile(r"[^\s@:;,\"<>\x00-\x1f]+@[^\s@:;,\"<>\x00-\x1f]+")


def hearing_calendar(
    hearing_id: str,
    *,
    starts: datetime,
    place: str | None,
    language: Language,
    status: Status,
    sequence: int,
    stamped: datetime,
    organizer: str,
    attendee: str,
    lasts: timedelta = timedelta(hours=1),
) -> bytes:
    """The ``.ics`` file of a hearing; to be sent as ``text/calendar; method=REQUEST`` (or ``CANCEL``).

    Args:
        hearing_id: gives the UID, the same for every version of this hearing.
        starts: aware; of a cancelled hearing, the start that is cancelled.
        place: court and room as the person may see them, or None.
        language: of the neutral summary.
        status: what became of the hearing; a moved one is sent as a request with a higher ``sequence``.
        sequence: 0 for the first version, higher for each later one, the cancellation included.
        stamped: the instant of this version, aware (not the clock: a retry gives the same bytes).
        organizer: e-mail address of the sender.
        attendee: e-mail address of the reader.
        lasts: how long to block in the calendar; courts announce no end.

    Raises:
        Refused: ``calendar-sequence``, ``calendar-length`` or ``calendar-address``.
        ValueError: ``starts`` or ``stamped`` has no time zone.
    """
    if sequence < 0 or (status != "scheduled" and sequence == 0):
        raise Refused("calendar-sequence", "A change of a hearing needs a sequence above the first one.")
    if lasts <= timedelta(0):
        raise Refused("calendar-length", "An appointment lasts longer than nothing. Give a positive length.")
    begin = milliseconds(starts).replace(microsecond=0).astimezone(PARIS)
    cancelled = status == "cancelled"

    event = Event()
    event.add("uid", calendar_uid(hearing_id))
    event.add("dtstamp", milliseconds(stamped).replace(microsecond=0).astimezone(UTC))
    event.add("sequence", sequence)
    event.add("dtstart", begin)
    # Added in UTC: an hour over the change of clocks is an hour that passes.
    event.add("dtend", (begin.astimezone(UTC) + lasts).astimezone(PARIS))
    event.add("summary", SUMMARY[language], parameters={"LANGUAGE": language})
    if place and place.strip():
        event.add("location", " ".join(place.split()))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    event.add("organizer", _address(organizer))
    reader = _address(attendee)
    reader.params["PARTSTAT"] = vText("NEEDS-ACTION")
    reader.params["RSVP"] = vText("FALSE")
    event.add("attendee", reader)

    calendar = Calendar()
    calendar.add("prodid", _PRODUCER)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "CANCEL" if cancelled else "REQUEST")
    calendar.add_component(Timezone.from_ical(_PARIS))
    calendar.add_component(event)
    return cast("bytes", calendar.to_ical())


def calendar_uid(hearing_id: str) -> str:
    """The UID of a hearing's entry: it depends on the hearing alone and reveals nothing of it."""
    return ids.derived("calendar", hearing_id)


def _address(mailbox: str) -> vCalAddress:
    if not _MAILBOX.fullmatch(mailbox):
        # The message does not repeat the address: it is personal data.
        raise Refused("calendar-address", "This is not an e-mail address. Correct it before sending the appointment.")
    return vCalAddress(f"mailto:{mailbox}")
