"""What may become a partner's key, and that a registration only ever grows."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.errors import BrokenSignature, NotFound, Refused
from shared.trust.partners import (
    Partner,
    partner_key,
    read_public_key,
    with_all_keys_ended,
    with_key,
    with_key_ended,
)
from shared.trust.signing import KeySet

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = ed25519.Ed25519PrivateKey.generate()
RAW = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
X = base64.urlsafe_b64encode(RAW).rstrip(b"=").decode()
JWK = {"kty": "OKP", "crv": "Ed25519", "x": X}


def pem(key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def partner(*keys) -> Partner:
    return Partner(partner_id="maif", name="M", keys=keys, topics=frozenset({"partner.cover"}), cases="*")


def key(raw: bytes = RAW, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY):
    return partner_key("maif", raw, begins, ends)


def holds(one: Partner, at: datetime) -> bool:
    """Whether a message that was signed with the partner's key and received at that instant verifies."""
    name = key().key_id
    try:
        KeySet(one.keys).verify(key_id=name, owner="partner:maif", data=b"d", signature=KEY.sign(b"d"), at=at)
    except BrokenSignature:
        return False
    return True


@pytest.mark.parametrize(
    "content",
    [pem(KEY), json.dumps(JWK).encode(), json.dumps(JWK | {"kid": "mine"}).encode()],
    ids=["PEM", "JWK", "JWK with kid"],
)
def test_pem_and_jwk_give_the_same_key(content):
    assert read_public_key(content) == RAW


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "neither PEM nor JSON"),
        (b"[]", "no JWK"),
        (b"\xff\xfe", "neither PEM nor JSON"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "of another kind"),
        (pem(x25519.X25519PrivateKey.generate()), "of another kind"),
        (json.dumps(JWK | {"crv": "X25519"}).encode(), "needs"),
        (json.dumps(JWK | {"x": X[:-2]}).encode(), "bytes instead of 32|base64url"),
        (json.dumps(JWK | {"x": "*" * 43}).encode(), "base64url"),
        (json.dumps(JWK | {"x": 7}).encode(), "needs"),
        (json.dumps({"keys": [JWK]}).encode(), "set of keys"),
    ],
    ids=["empty", "list", "bytes", "broken PEM", "P-256", "X25519", "X25519 JWK", "short", "stars", "number", "set"],
)
def test_anything_else_is_refused_and_the_reason_named(content, says):
    with pytest.raises(Refused, match=says) as refused:
        read_public_key(content)
    assert refused.value.code == "not-ed25519"


@pytest.mark.parametrize(
    "content",
    [
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        json.dumps(JWK | {"d": "c2VjcmV0IHNlY3JldCBzZWNyZXQ"}).encode(),
    ],
    ids=["PEM", "JWK"],
)
def test_a_private_key_is_refused_and_never_quoted(content):
    with pytest.raises(Refused, match="no secret any more") as refused:
        read_public_key(content)
    assert refused.value.code == "private-key"
    assert "c2VjcmV0" not in str(refused.value)


def test_a_window_that_ends_before_it_begins_is_refused():
    with pytest.raises(Refused, match="end after it begins"):
        key(begins=NOW, ends=NOW)


def test_a_further_key_stands_beside_the_first_and_the_same_one_is_refused():
    second = key(bytes(32))
    both = with_key(partner(key()), second)
    assert both.keys == (key(), second)
    with pytest.raises(Refused, match="already"):
        with_key(both, key(begins=NOW, ends=NOW + 9 * DAY))


def test_an_ended_key_verifies_what_was_received_before_and_nothing_after():
    ended = with_key_ended(partner(key()), key().key_id, NOW)
    assert holds(ended, NOW - timedelta(milliseconds=1))
    assert not holds(ended, NOW)
    assert holds(partner(key()), NOW)


def test_a_window_is_never_made_longer():
    ended = with_key_ended(partner(key()), key().key_id, NOW)
    for later in (NOW, NOW + DAY):
        with pytest.raises(Refused, match="only ever made shorter"):
            with_key_ended(ended, key().key_id, later)


def test_a_key_that_is_not_valid_yet_never_becomes_so():
    coming = key(begins=NOW + DAY, ends=NOW + 2 * DAY)
    ended = with_key_ended(partner(coming), coming.key_id, NOW)
    assert not any(holds(ended, NOW + hours * timedelta(hours=1)) for hours in range(72))
    assert len(ended.keys) == 1


def test_a_key_that_is_not_there_is_named_and_those_that_are():
    with pytest.raises(NotFound, match=key().key_id):
        with_key_ended(partner(key()), "partner:maif-0000000000000000", NOW)


def test_removing_a_partner_ends_every_key_and_deletes_none():
    before = partner(
        key(), key(bytes(32), NOW - 9 * DAY, NOW - 8 * DAY), key(bytes([1] * 32), NOW + DAY, NOW + 2 * DAY)
    )
    after = with_all_keys_ended(before, NOW)
    assert [one.key_id for one in after.keys] == [one.key_id for one in before.keys]
    assert after.keys[1] == before.keys[1]
    assert all(one.not_after <= NOW for one in after.keys)
    assert holds(after, NOW - timedelta(seconds=1))
    assert with_all_keys_ended(after, NOW) == after
