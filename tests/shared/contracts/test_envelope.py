"""The envelope says what it should, and refuses what it must."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import catalogue, envelope
from shared.contracts.billing import PaymentReceived
from shared.contracts.intake import AccessRevoked, CaseUpdated, Facets, ReportedAct
from shared.errors import BrokenContract
from shared.money import Money

ENVELOPE = envelope.Envelope(
    id="e-1",
    source="/recours/intake",
    type="recours.access-revoked.v1",
    time=datetime(2026, 11, 22, 10, 0, 0, 5999, tzinfo=UTC),
    subject="case-1",
    aggregate="intake/case/case-1",
    sequence=3,
    causation="c",
    correlation="r",
    epoch="w/1",
    keyid="intake-0011",
)


def test_it_is_cloudevents_in_kafka_binary_mode():
    headers = dict(envelope.encode(ENVELOPE))
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"recours.access-revoked.v1"
    assert headers["ce_time"] == b"2026-11-22T10:00:00.005Z"
    assert headers["ce_sequence"] == b"3"
    assert headers["content-type"] == b"application/json"


def test_it_reads_back_what_it_wrote():
    read = envelope.decode(envelope.encode(ENVELOPE))
    assert read.model_copy(update={"time": ENVELOPE.time}) == ENVELOPE
    assert read.service == "intake"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: [one for one in h if one[0] != "ce_id"],
        lambda h: [one for one in h if one[0] != "ce_specversion"],
        lambda h: [*h, ("ce_id", b"again")],
        lambda h: [("ce_sequence", b"zero") if one[0] == "ce_sequence" else one for one in h],
        lambda h: [("ce_sequence", b"0") if one[0] == "ce_sequence" else one for one in h],
        lambda h: [("ce_id", b"\xff\xfe") if one[0] == "ce_id" else one for one in h],
        lambda h: [("ce_time", b"2026-11-22T10:00:00") if one[0] == "ce_time" else one for one in h],
        lambda h: [("ce_source", b"https://evil.example") if one[0] == "ce_source" else one for one in h],
    ],
)
def test_a_malformed_envelope_is_refused(spoil):
    with pytest.raises(BrokenContract):
        envelope.decode(spoil(list(envelope.encode(ENVELOPE))))


def test_a_refusal_names_the_header_and_never_its_value():
    headers = [
        ("ce_subject", b"Camille Perrin") if one[0] == "ce_subject" else one for one in envelope.encode(ENVELOPE)
    ]
    with pytest.raises(BrokenContract) as refused:
        envelope.decode(headers)
    assert "subject" in str(refused.value)
    assert "Camille" not in str(refused.value)


@given(st.data())
def test_any_change_of_a_header_or_of_the_body_changes_the_signed_bytes(data):
    headers = envelope.encode(ENVELOPE)
    body = b'{"access":"a"}'
    signed = envelope.signed_bytes(headers, body)
    position = data.draw(st.integers(0, len(headers) - 1))
    name, value = headers[position]
    other = data.draw(st.binary(max_size=40).filter(lambda one: one != value))
    assert envelope.signed_bytes([*headers[:position], (name, other), *headers[position + 1 :]], body) != signed
    assert envelope.signed_bytes([one for one in headers if one[0] != name], body) != signed
    assert envelope.signed_bytes(headers, body + b" ") != signed


def test_the_signature_header_is_not_part_of_what_it_signs():
    headers = envelope.encode(ENVELOPE)
    assert envelope.signed_bytes(envelope.sign(headers, b"x" * 64), b"") == envelope.signed_bytes(headers, b"")


def test_a_body_says_which_fields_are_wrong_and_not_what_they_held():
    with pytest.raises(BrokenContract, match="access") as refused:
        catalogue.decode_body(ENVELOPE, b'{"access": "two words of Camille"}')
    assert "Camille" not in str(refused.value)


def test_an_unknown_version_is_refused():
    with pytest.raises(BrokenContract, match="Unknown event type"):
        catalogue.decode_body(ENVELOPE.model_copy(update={"type": "recours.access-revoked.v9"}), b"{}")


def test_unknown_fields_are_ignored_so_that_publishers_may_add_some():
    event = catalogue.decode_body(ENVELOPE, b'{"access": "a", "later": 1}')
    assert event == AccessRevoked(access="a")


def test_an_event_over_the_bound_is_refused_before_it_is_stored():
    acts = tuple(ReportedAct(act=f"{n:080}", kind="k" * 60, day=date(2026, 11, 1)) for n in range(200))
    facets = Facets(persona="victim", acts=acts)
    event = CaseUpdated(facets=facets, sealed_contact="A" * 48_000, sealed_facts="A" * 48_000)
    with pytest.raises(BrokenContract, match="over the bound"):
        catalogue.encode_body(event)


@pytest.mark.parametrize("amount", [-1, 1.5, "80"])
def test_money_is_whole_cents_and_not_negative(amount):
    with pytest.raises(ValueError, match="cents"):
        Money(cents=amount)


def test_money_has_one_currency():
    with pytest.raises(ValueError, match="currency"):
        PaymentReceived(payment="p", amount={"cents": 1, "currency": "USD"}, payer="person", provider_reference="r")


def test_every_event_has_one_owner_and_a_topic_of_its_name():
    names = [event.name for event in catalogue.EVENTS]
    assert len(names) == len(set(names))
    assert set(names) <= set(catalogue.topics())
