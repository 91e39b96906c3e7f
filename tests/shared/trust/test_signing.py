from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import BrokenContract, BrokenSignature
from shared.trust.signing import CLOCK_SKEW, KeySet, PublicKey, SigningKey, generate, key_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATA = b"what was said"


@pytest.fixture
def key() -> SigningKey:
    return generate("billing", NOW)


def verify(keys: KeySet, key: SigningKey, **changed) -> None:
    asked: dict[str, Any] = {
        "key_id": key.key_id,
        "owner": key.service,
        "data": DATA,
        "signature": key.sign(DATA),
        "at": NOW,
    }
    keys.verify(**(asked | changed))


def test_a_signature_by_a_published_valid_key_is_accepted(key):
    verify(KeySet([key.public()]), key)


def test_a_key_that_nobody_published_is_refused_by_name(key):
    with pytest.raises(BrokenSignature, match="Unknown key"):
        verify(KeySet([generate("billing", NOW).public()]), key)


def test_a_service_cannot_sign_for_another(key):
    with pytest.raises(BrokenSignature, match="belongs to billing, not to legal"):
        verify(KeySet([key.public()]), key, owner="legal")


def test_a_key_holds_from_its_beginning_until_just_before_its_end(key):
    keys = KeySet([key.public()])
    verify(keys, key, at=key.not_before)
    verify(keys, key, at=key.not_after - timedelta(milliseconds=1))
    for outside in (key.not_before - timedelta(milliseconds=1), key.not_after):
        with pytest.raises(BrokenSignature, match="outside its validity"):
            verify(keys, key, at=outside)


@pytest.mark.parametrize("position", [0, 31, 63])
def test_one_changed_bit_of_the_signature_is_noticed(key, position):
    signature = bytearray(key.sign(DATA))
    signature[position] ^= 1
    with pytest.raises(BrokenSignature, match="does not match"):
        verify(KeySet([key.public()]), key, signature=bytes(signature))


@pytest.mark.parametrize("signature", [b"", b"short", b"\0" * 65])
def test_a_signature_of_another_length_is_refused(key, signature):
    with pytest.raises(BrokenSignature, match="does not match"):
        verify(KeySet([key.public()]), key, signature=signature)


def test_changed_data_is_noticed(key):
    with pytest.raises(BrokenSignature, match="does not match"):
        verify(KeySet([key.public()]), key, data=DATA + b".")


def test_the_key_id_follows_from_the_owner_and_the_public_bytes(key):
    assert key.key_id == key_id("billing", key.public().raw)
    assert key.key_id.startswith("billing-")
    assert len(key.key_id) == len("billing-") + 16


def test_a_key_under_another_keys_id_is_refused(key):
    public = key.public().model_dump()
    for change in ({"key_id": generate("billing", NOW).key_id}, {"service": "legal"}, {"public_key": "AAAA"}):
        with pytest.raises(ValidationError):
            PublicKey.model_validate(public | change)


def test_a_partner_is_never_a_service():
    partner = generate("partner:billing", NOW)
    with pytest.raises(BrokenSignature, match="belongs to partner:billing"):
        verify(KeySet([partner.public()]), partner, owner="billing")


def test_the_private_seed_shows_in_no_repr_and_no_dump(key):
    seed = key.private.get_secret_value()
    assert seed not in repr(key)
    assert seed not in key.model_dump_json()
    assert seed in key.to_secret_json()


def test_a_signing_key_survives_the_keyring(key):
    again = SigningKey.from_secret_json(key.to_secret_json())
    verify(KeySet([key.public()]), again)


def test_a_spoilt_signing_key_is_refused_without_being_quoted(key):
    text = key.to_secret_json().replace('"billing"', '"legal"')
    with pytest.raises(BrokenContract) as refused:
        SigningKey.from_secret_json(text)
    assert key.private.get_secret_value() not in str(refused.value)
    assert refused.value.__cause__ is None


def test_service_keys_survive_their_file_and_are_a_jwk_set(key):
    keys = KeySet([key.public(), generate("legal", NOW).public()])
    text = keys.to_json()
    assert {k.key_id: k for k in KeySet.from_json(text)} == {k.key_id: k for k in keys}
    jwk = json.loads(text)["keys"][0]
    assert {"kty": "OKP", "crv": "Ed25519", "kid": key.key_id}.items() <= jwk.items()
    verify(KeySet.from_json(text), key)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": [{}]}', '{"keys": [{"kty": "RSA", "crv": "x"}]}'])
def test_a_file_that_is_no_key_set_is_refused(text):
    with pytest.raises(BrokenContract):
        KeySet.from_json(text)


def test_a_key_set_file_with_an_exchanged_key_is_refused(key):
    other = generate("billing", NOW).public().jwk()["x"]
    text = KeySet([key.public()]).to_json().replace(key.public().jwk()["x"], other)
    with pytest.raises(BrokenContract):
        KeySet.from_json(text)


def test_a_new_key_tolerates_clocks_that_differ_a_little(key):
    assert key.not_before == NOW - CLOCK_SKEW
