from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import BrokenSignature
from shared.trust import jws, receipts
from shared.trust.signing import KeySet, generate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = generate("evidence", NOW)
KEYS = KeySet([KEY.public(), generate("legal", NOW).public()])
CLAIMS = {"exhibit": "e-1", "commitment": "ab" * 32, "said": "reçu"}


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(header: Mapping[str, object], claims: object) -> str:
    signing_input = f"{b64(header)}.{b64(claims)}"
    return f"{signing_input}.{base64.urlsafe_b64encode(KEY.sign(signing_input.encode())).rstrip(b'=').decode()}"


HEADER = {"alg": "Ed25519", "kid": KEY.key_id, "typ": receipts.TYP}
BODY = {"iss": "evidence", "iat": int(NOW.timestamp())}


def test_a_receipt_says_what_was_issued_by_whom_and_when():
    assert receipts.check(receipts.issue(KEY, CLAIMS, NOW), KEYS) == CLAIMS | BODY


def test_our_hand_made_receipt_is_good_so_that_the_forgeries_differ_by_one_thing():
    assert receipts.check(forged(HEADER, BODY), KEYS) == BODY
    assert receipts.check(forged(HEADER | {"alg": "EdDSA"}, BODY), KEYS) == BODY


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_change_in_any_part_is_noticed(part):
    parts = receipts.issue(KEY, CLAIMS, NOW).split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    with pytest.raises(BrokenSignature):
        receipts.check(".".join(parts), KEYS)


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"alg": "none"},
        HEADER | {"alg": "HS256"},
        HEADER | {"typ": "recours-session+jwt"},
        {"alg": "Ed25519", "kid": KEY.key_id},
        {"alg": "Ed25519", "typ": receipts.TYP},
        HEADER | {"kid": "evidence-0000000000000000"},
        HEADER | {"kid": 7},
        HEADER | {"crit": ["b64"], "b64": False},
        HEADER | {"crit": ["unheard-of"], "unheard-of": 1},
        HEADER | {"b64": True},
    ],
)
def test_a_header_for_another_use_algorithm_or_key_is_refused(header):
    with pytest.raises(BrokenSignature):
        receipts.check(forged(header, BODY), KEYS)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        [],
        "text",
        {"iss": "evidence"},
        {"iat": BODY["iat"]},
        BODY | {"iss": "legal"},
        BODY | {"iat": True},
        BODY | {"iat": -1},
        BODY | {"iat": 10**30},
        BODY | {"iat": 2**39},
        BODY | {"iat": int((NOW - timedelta(days=1)).timestamp())},
        BODY | {"iat": int((NOW + timedelta(days=900)).timestamp())},
    ],
)
def test_claims_that_do_not_fit_the_key_are_refused(claims):
    with pytest.raises(BrokenSignature):
        receipts.check(forged(HEADER, claims), KEYS)


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "e30.e30.e30", "A" * 100_000])
def test_text_that_is_no_receipt_is_refused(text):
    with pytest.raises(BrokenSignature):
        receipts.check(text, KEYS)


def test_a_second_spelling_of_the_same_signature_is_refused():
    token = receipts.issue(KEY, CLAIMS, NOW)
    for other in (token + "=", token + "==", token[:-1] + chr(ord(token[-1]) + 1)):
        with pytest.raises(BrokenSignature):
            receipts.check(other, KEYS)


def test_the_caller_cannot_set_issuer_or_time():
    with pytest.raises(ValueError, match="iat"):
        receipts.issue(KEY, {"iat": 1}, NOW)


def test_any_jws_library_can_check_a_receipt_with_the_published_keys():
    from joserfc import jws as joserfc_jws
    from joserfc.jwk import KeySet as JwkSet

    published = JwkSet.import_key_set(json.loads(KEYS.to_json()))
    read = joserfc_jws.deserialize_compact(receipts.issue(KEY, CLAIMS, NOW), published, algorithms=["Ed25519"])
    assert json.loads(read.payload) == CLAIMS | BODY


def test_reading_unverified_tells_the_key_and_the_claims():
    assert jws.read_unverified(forged(HEADER, BODY), receipts.TYP) == (KEY.key_id, BODY)
