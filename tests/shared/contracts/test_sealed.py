"""What is sealed is read as it was written, by whoever follows, and says nothing where it cannot be read."""

from __future__ import annotations

from datetime import date, time
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import ValidationError

from shared.contracts.catalogue import EVENTS
from shared.contracts.event import Sealed
from shared.contracts.partners import MESSAGES, Referral
from shared.contracts.sealed import (
    Account,
    ActDetails,
    ActsRead,
    Author,
    Authors,
    Contact,
    Damages,
    DocumentDigest,
    ExhibitDetails,
    Facts,
    HearingDetails,
    Secrets,
    Wishes,
    read_sealed,
)
from shared.contracts.sealed_fields import SEALED
from shared.errors import BrokenContract
from shared.trust.sealing import new_identity, open_sealed, seal

HEX = "ab" * 32
VALUES = (
    Contact(last_name="Durand", birth_day=date(2008, 2, 29), email="marie@example.org", notify=Wishes(after=time(22))),
    Account(accesses={"access-1": Secrets(code="$argon2id$a")}),
    Facts(account="Récit.", urls=("https://forum.example/1",), ground="origin", dangers=("threat",)),
    Authors(authors=(Author(handle="troll_9", platform="Forum"),)),
    ExhibitDetails(name="un.png", digest=HEX, salt=HEX, holder="h", hour=time(21, 4), shows=("date",)),
    ActsRead(acts=(ActDetails(act="act-1", hour=time(21, 4, 7), words="mots"),)),
    DocumentDigest(salt=HEX, digest=HEX, for_signature=True),
    HearingDetails(hour=time(14, 30), court="Lyon"),
    Damages(cents=300_000),
)


def sealed_fields(model: type[Any]) -> set[str]:
    hints = get_type_hints(model, include_extras=True)
    return {name for name, hint in hints.items() if hint == Sealed or Sealed in get_args(hint)}


def test_every_sealed_field_of_the_published_language_has_one_model_and_one_purpose():
    events = {(event.name, field) for event in EVENTS for field in sealed_fields(event)}
    # A referral comes before there is a case, hence without a purpose of one.
    partners = {(one.topic, field) for one in MESSAGES if one is not Referral for field in sealed_fields(one)}
    assert events | partners == set(SEALED)
    assert ("case-opened", "sealed_contact") in events


@pytest.mark.parametrize("value", VALUES, ids=lambda one: type(one).__name__)
def test_what_was_sealed_is_read_as_it_was_written(value):
    identity = new_identity()
    opened = open_sealed(seal(value.content(), identity.recipient), identity.secret)
    assert read_sealed(type(value), opened) == value


def test_hours_are_written_as_hours_and_minutes():
    assert HearingDetails(hour=time(14, 30)).content() == {"hour": "14:30"}
    assert Contact(notify=Wishes(after=time(22), before=time(6))).content()["notify"]["after"] == "22:00"
    assert ActDetails(act="a", hour=time(21, 4, 7)).model_dump(mode="json")["hour"] == "21:04:07"


@pytest.mark.parametrize("hour", ["14 h 30", "14h30", "9:00", "25:00", "14:30Z", "le matin", "", 14])
def test_an_hour_has_one_spelling(hour):
    with pytest.raises(BrokenContract, match="A sealed HearingDetails is malformed at hour"):
        read_sealed(HearingDetails, {"hour": hour})


def test_who_reads_ignores_what_it_does_not_know_and_who_writes_is_refused_it():
    told = {"last_name": "Durand", "fax": "1", "notify": {"channel": "none", "by_pigeon": True}}
    contact = read_sealed(Contact, told)
    assert contact == Contact(last_name="Durand", notify=Wishes(channel="none"))
    with pytest.raises(ValidationError) as caught:
        Contact.model_validate(told)
    assert {fault["loc"] for fault in caught.value.errors()} == {("fax",), ("notify", "by_pigeon")}


@pytest.mark.parametrize(
    ("model", "opened", "fields"),
    [
        (Contact, {"email": "secret@b@c"}, "email"),
        (Contact, {"email": "secret b"}, "email"),
        (Contact, {"email": "secret@b.fr\r\nBcc: x@y.z"}, "email"),
        (Contact, {"email": "secret@b.fr, x@y.z"}, "email"),
        (Contact, {"notify": {"channel": "secret"}}, "notify.channel"),
        (Contact, {"notify": {"safe_subject": "secret\r\nBcc: x@y.z"}}, "notify.safe_subject"),
        (Contact, {"last_name": ["secret"], "phone": "secret"}, "last_name, phone"),
        (Authors, {"authors": [{"handle": "a"}, "secret"]}, "authors.1"),
        (Account, {"accesses": {"secret-key-1": {"code": "secret"}}}, "accesses.*.code"),
        (Damages, {"cents": 1.5}, "cents"),
        (Facts, "secret", "(value)"),
        (Facts, None, "(value)"),
    ],
)
def test_what_does_not_follow_its_model_is_named_by_field_and_never_shown(model, opened, fields):
    with pytest.raises(BrokenContract) as caught:
        read_sealed(model, opened)
    assert str(caught.value) == f"A sealed {model.__name__} is malformed at {fields}."
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("empty", [None, "", "  \n"])
def test_an_empty_address_is_none(empty):
    assert read_sealed(Contact, {"email": empty}).email is None


@pytest.mark.parametrize("value", VALUES, ids=lambda one: type(one).__name__)
def test_a_sealed_value_does_not_show_itself(value):
    assert repr(value) == f"{type(value).__name__}()"
    assert str(value) == ""
