from __future__ import annotations

import re
from datetime import time
from email import message_from_bytes
from email.policy import SMTP

import icalendar
import pytest

from services.notify.api import _PAGES
from services.notify.domain.state import Hearing
from services.notify.letters import attach_hearing, letter, messages, templates
from shared.contracts.sealed import HearingDetails, Wishes
from tests.given import NOON
from tests.services.notify.cases import ADDRESS, DAY

TELLING = re.compile(
    r"recours|harc|harass|plainte|complaint|tribunal|court|juge|judge|audience|hearing|avocat|lawyer|preuve|evidence"
    r"|victim|dossier|case\b|police|justice|haine|hate|insulte|jugement|diagnos",
    re.IGNORECASE,
)
SENDER = "agenda@exemple.test"
DETAILS = HearingDetails(hour=time(14, 30), court="Tribunal judiciaire de Paris", room="4.12")


def written(template="news", language="fr", wishes=None):
    return letter(
        template,
        wishes or Wishes(),
        to=ADDRESS,
        language=language,
        sender=SENDER,
        link="https://espace.exemple.test/",
        message_id="abc@exemple.test",
        now=NOON,
    )


def hearing(status="scheduled", revision=0):
    return Hearing(status=status, day=DAY, revision=revision, at=NOON)


def with_calendar(details=DETAILS, wishes=None, language="fr", **how):
    mail = written(f"hearing-{how.get('status', 'scheduled')}", language)
    attach_hearing(mail, "hearing-1", hearing(**how), details, wishes or Wishes(), language=language)
    return message_from_bytes(mail.as_bytes(), policy=SMTP)


def calendar_of(mail):
    (part,) = list(mail.iter_attachments())
    return part, icalendar.Calendar.from_ical(part.get_content())


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("template", sorted(templates()))
def test_no_mail_names_the_service_nor_what_it_is_about(template, language):
    text = written(template, language).as_bytes().decode()
    body = message_from_bytes(text.encode(), policy=SMTP)
    shown = f"{body['Subject']} {body['From']} {body.get_content()}"
    assert not TELLING.search(shown)
    assert not TELLING.search(text)
    assert re.findall(r"https?://\S+", body.get_content()) == ["https://espace.exemple.test/"]


def test_both_languages_have_the_same_templates_and_the_page_explains_each():
    assert messages("fr").keys() == messages("en").keys()
    assert all(said.keys() == messages("en")[name].keys() for name, said in messages("fr").items())
    assert templates() <= _PAGES._texts["fr"].keys()


def test_a_mail_has_one_identity_and_asks_for_no_answer():
    mail = written()
    assert mail["Message-ID"] == "<abc@exemple.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["To"] == ADDRESS
    assert mail["From"] == SENDER
    assert mail["Subject"] == "Du nouveau"
    assert written(language="en")["Subject"] == "News"


def test_the_person_may_choose_the_subject_that_others_see():
    assert written(wishes=Wishes(safe_subject="Club photo"))["Subject"] == "Club photo"


def test_a_hearing_goes_into_the_calendar_without_its_place():
    part, calendar = calendar_of(with_calendar())
    (event,) = calendar.walk("VEVENT")
    assert event["DTSTART"].dt.isoformat() == "2026-12-14T14:30:00+01:00"
    assert event["SEQUENCE"] == 0
    assert "LOCATION" not in event
    assert part.get_content_type() == "text/calendar"
    assert part["Content-Type"].params["method"] == calendar["METHOD"] == "REQUEST"
    assert part.get_filename() == "agenda.ics"
    assert not TELLING.search(str(calendar.to_ical()))


def test_the_place_stands_in_the_calendar_where_the_person_wants_it():
    mail = with_calendar(wishes=Wishes(show_place=True))
    (event,) = calendar_of(mail)[1].walk("VEVENT")
    assert event["LOCATION"] == "Tribunal judiciaire de Paris, 4.12"
    mail = with_calendar(HearingDetails(hour=time(9)), Wishes(show_place=True))
    assert "LOCATION" not in calendar_of(mail)[1].walk("VEVENT")[0]


def test_a_moved_hearing_moves_the_entry_and_a_cancelled_one_removes_it():
    (first,) = calendar_of(with_calendar())[1].walk("VEVENT")
    (moved,) = calendar_of(with_calendar(status="moved", revision=3))[1].walk("VEVENT")
    part, cancelled = calendar_of(with_calendar(status="cancelled", revision=0))
    assert first["UID"] == moved["UID"] == cancelled.walk("VEVENT")[0]["UID"]
    assert moved["SEQUENCE"] == 3
    assert cancelled.walk("VEVENT")[0]["SEQUENCE"] == 1
    assert cancelled["METHOD"] == part["Content-Type"].params["method"] == "CANCEL"


def test_without_a_known_hour_the_mail_goes_without_a_file():
    assert list(with_calendar(HearingDetails(court="Tribunal judiciaire de Paris")).iter_attachments()) == []


def test_a_held_hearing_has_no_calendar_file():
    mail = written()
    attach_hearing(mail, "hearing-1", hearing("held"), DETAILS, Wishes(), language="fr")
    assert not mail.is_multipart()
