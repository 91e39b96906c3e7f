"""The mail itself: neutral words, a neutral sender, one link; a hearing's calendar file where its hour is known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

from services.notify.calendar import hearing_calendar
from services.notify.domain.state import Hearing
from shared.clock import PARIS
from shared.contracts.sealed import HearingDetails, Wishes

Language = Literal["fr", "en"]
_MESSAGES: Final = Path(__file__).with_name("messages")
_FRAME: Final = "frame"


@cache
def messages(language: Language) -> Mapping[str, Mapping[str, str]]:
    """Subject and body of every template, in one language; ``frame`` holds what all have alike."""
    return tomllib.loads((_MESSAGES / f"{language}.toml").read_text(encoding="utf-8"))


def templates() -> frozenset[str]:
    """The names of all templates."""
    return frozenset(messages("fr").keys() - {_FRAME})


def letter(
    template: str,
    wishes: Wishes,
    *,
    to: str,
    language: Language,
    sender: str,
    link: str,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """A mail to ``to`` (a mailbox). ``message_id`` (without brackets) is the same for every attempt of one job."""
    said, frame = messages(language)[template], messages(language)[_FRAME]
    mail = EmailMessage(SMTP)
    mail["Message-ID"] = f"<{message_id}>"
    mail["Date"] = format_datetime(now)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = wishes.safe_subject or said["subject"]
    # RFC 3834: no holiday answers come back to a box that nobody reads.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join((frame["greeting"], said["body"], frame["way"].format(link=link), frame["end"])))
    # After the content, which would take it away with the other Content headers.
    mail["Content-Language"] = language
    return mail


def attach_hearing(
    mail: EmailMessage, key: str, hearing: Hearing, details: HearingDetails, wishes: Wishes, *, language: Language
) -> None:
    """Attach the hearing's calendar file where ``details`` give its hour.

    The place stands in it only where the person asked for that: a calendar is read over a shoulder.
    """
    if details.hour is None or hearing.status == "held":
        return
    places = (details.court, details.room) if wishes.show_place else ()
    content = hearing_calendar(
        key,
        starts=datetime.combine(hearing.day, details.hour, PARIS),
        place=", ".join(place for place in places if place) or None,
        language=language,
        status=hearing.status,
        # RFC 5546: a change needs a number above the first one's.
        sequence=hearing.revision if hearing.status == "scheduled" else max(1, hearing.revision),
        stamped=hearing.at,
        organizer=str(mail["From"]),
        attendee=str(mail["To"]),
    )
    method = "CANCEL" if hearing.status == "cancelled" else "REQUEST"
    mail.add_attachment(
        content,
        maintype="text",
        subtype="calendar",
        filename="agenda.ics",
        params={"method": method, "charset": "utf-8"},
    )
