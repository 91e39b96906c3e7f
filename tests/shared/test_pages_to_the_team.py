from __future__ import annotations

from datetime import date
from email import message_from_bytes
from email.policy import SMTP
from typing import get_args

import pytest

from services.notify.domain import alarms
from shared.mail import Reason, page
from shared.settings import Settings
from tests.given import CASE, NOON

SETTINGS = Settings(origin="https://espace.exemple.test", smtp_from="agenda@exemple.test")
LINK = f"https://espace.exemple.test/notify/cases/{CASE}/pages/alarm-1"
DAY = date(2026, 12, 14)


def written(reason="danger", last_day=None):
    mail = page(
        SETTINGS,
        reason=reason,
        case=CASE,
        to="astreinte@exemple.test",
        message_id="abc@exemple.test",
        link=LINK,
        now=NOON,
        last_day=last_day,
    )
    return message_from_bytes(mail.as_bytes(), policy=SMTP)


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_a_neutral_subject_and_says_where_to_go(reason):
    mail = written(reason)
    assert mail["Subject"] in {"recours : une personne vous attend", "recours : un acte arrive à échéance"}
    assert mail["To"] == "astreinte@exemple.test"
    assert mail["Message-ID"] == "<abc@exemple.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_content()
    assert body.count(CASE) >= 2
    assert LINK in body.splitlines()


def test_a_danger_is_said_in_both_languages_and_how_the_reminders_stop():
    body = written().get_content()
    assert "Un danger est signalé" in body
    assert "A danger is reported" in body
    assert "Connectez-vous (https://espace.exemple.test/team)" in body
    assert "the reminders stop" in body


def test_a_deadline_is_said_with_its_day_in_words():
    body = written("press-limit", DAY).get_content()
    assert "Dernier jour, inclus : 14 décembre 2026" in body
    assert "Last day, inclusive: 14 December 2026" in body
    assert "Dernier jour" not in written("press-limit").get_content()


def test_a_day_that_opens_a_way_is_not_called_a_last_one():
    body = written("no-answer", DAY).get_content()
    assert "Ouverte depuis : 14 décembre 2026" in body
    assert "Dernier jour" not in body


def test_a_page_that_nothing_repeats_does_not_speak_of_reminders():
    assert "rappels" not in written("bus-down", DAY).get_content()


def test_whatever_notify_calls_the_team_for_has_words():
    known = set(get_args(Reason))
    wanted = {literal for part in get_args(alarms.Reason) for literal in (get_args(part) or (part,))}
    assert wanted == known - {"bus-down"}
