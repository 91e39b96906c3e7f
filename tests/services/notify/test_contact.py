from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from services.intake.content import Contact as IntakeContact
from services.intake.content import Notify
from services.notify.contact import Wishes, allowed_from, read_contact
from shared.runtime.declaration import Impossible


def at(hour, minute=0, day=23):
    """An instant of November 2026, when Paris is an hour ahead of UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def hours(after, before):
    return Wishes.model_validate({"after": after, "before": before})


def test_what_notify_does_not_need_is_ignored():
    wishes = {"channel": "email", "after": "18:00:00", "before": "21:30"}
    contact = read_contact({"email": "marie@example.org", "last_name": "Durand", "notify": wishes})
    assert contact.email == "marie@example.org"
    assert contact.notify == Wishes(after=time(18), before=time(21, 30))
    assert "marie" not in repr(contact)


def test_intakes_own_form_of_a_contact_is_read():
    form = IntakeContact(email="marie@example.org", notify=Notify(channel="none", after=time(22), before=time(6)))
    contact = read_contact(form.model_dump(mode="json"))
    assert contact.email == "marie@example.org"
    assert contact.notify == Wishes(channel="none", after=time(22), before=time(6))
    assert read_contact(IntakeContact().model_dump(mode="json")).notify == Wishes()


@pytest.mark.parametrize("empty", [None, "", "  \n"])
def test_an_empty_address_is_none(empty):
    assert read_contact({"email": empty}).email is None


@pytest.mark.parametrize(
    "opened",
    [
        "text",
        None,
        {"email": "a@b@c"},
        {"email": "no address"},
        {"notify": {"channel": "sms"}},
        {"notify": {"after": "25"}},
    ],
)
def test_an_unreadable_contact_is_never_sent_to(opened):
    with pytest.raises(Impossible) as caught:
        read_contact(opened)
    assert caught.value.reason == "contact-unreadable"
    assert "a@b@c" not in str(caught.value)


def test_a_subject_cannot_begin_another_header():
    assert Wishes(safe_subject="Photos\r\nBcc: x@y.z").safe_subject == "Photos Bcc: x@y.z"


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
