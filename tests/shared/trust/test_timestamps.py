from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from deploy.embedded import timestamp_authority as tsa
from deploy.embedded import timestamp_certificates as certificates
from shared import clock
from shared.errors import Unavailable
from shared.trust.timestamps import (
    QUERY_TYPE,
    REPLY_TYPE,
    TimestampRejected,
    bare_token,
    fetch,
    request,
    verify,
)

DIGEST = hashlib.sha256(b"a screenshot").digest()
URL = "http://tsa.test/"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Iterator[tsa.Authority]:
    authority = tsa.Authority(tmp_path_factory.mktemp("tsa"))
    yield authority
    authority.close()


@pytest.fixture
def other(tmp_path) -> Iterator[tsa.Authority]:
    """An authority that the test may spoil."""
    authority = tsa.Authority(tmp_path)
    yield authority
    authority.close()


def client(answer) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def served(authority: tsa.Authority):
    return lambda asked: httpx.Response(
        200, headers={"content-type": REPLY_TYPE}, content=authority.answer(asked.content)
    )


def rejected(code: str):
    return pytest.raises(TimestampRejected, check=lambda error: error.code == code)


def stamped(authority: tsa.Authority, digest: bytes = DIGEST) -> bytes:
    return authority.answer(request(digest).der)


def altered(response: bytes, change) -> bytes:
    """The response with its parsed form changed in place, signature and all else kept."""
    parsed = tsp.TimeStampResp.load(response)
    change(parsed["time_stamp_token"]["content"])
    return bytes(parsed.dump(force=True))


def with_leaf(
    authority: tsa.Authority, *, usages=(ExtendedKeyUsageOID.TIME_STAMPING,), critical=True, ends=None
) -> None:
    """Give the authority another leaf, signed by its root."""
    root_key, root, key = authority._root_key, authority._root, authority._key
    now = clock.now()
    builder = x509.CertificateBuilder().subject_name(authority._leaf.subject).issuer_name(root.subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=9)).not_valid_after(ends or now + timedelta(days=9))
    builder = builder.add_extension(certificates.key_usage(signs_certificates=False), critical=True)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=critical)
    authority._leaf = builder.sign(root_key, hashes.SHA256())
    authority._leaf_der = authority._leaf.public_bytes(Encoding.DER)


async def test_a_fetched_token_verifies_and_says_when_by_whom_and_under_which_policy(authority):
    token = await fetch(client(served(authority)), URL, DIGEST)
    facts = verify(token.response, DIGEST, authority.chain_pem, nonce=token.nonce, policy=tsa.POLICY, now=clock.now())
    assert facts.authority == "recours local TSA (not qualified)"
    assert facts.policy == tsa.POLICY
    assert facts.gen_time.tzinfo is not None
    assert abs(facts.gen_time - clock.now()) < timedelta(seconds=60)
    assert facts.serial.isdecimal()


async def test_the_bare_token_verifies_like_the_response(authority):
    token = await fetch(client(served(authority)), URL, DIGEST)
    assert cms.ContentInfo.load(token.token, strict=True)["content_type"].native == "signed_data"
    assert token.token in token.response
    assert verify(token.token, DIGEST, authority.chain_pem) == verify(token.response, DIGEST, authority.chain_pem)


def test_nothing_is_called_qualified_without_a_trusted_list(authority):
    response = stamped(authority)
    assert verify(response, DIGEST, authority.chain_pem).qualified == "unknown"
    assert verify(response, DIGEST, authority.chain_pem, declared_not_qualified=True).qualified == "not-qualified"


def test_a_request_asks_for_the_certificate_with_a_fresh_nonce():
    one, two = request(DIGEST), request(DIGEST)
    native = tsp.TimeStampReq.load(one.der, strict=True).native
    assert native["nonce"] == one.nonce != two.nonce
    assert native["cert_req"] is True
    assert native["message_imprint"]["hashed_message"] == DIGEST
    with pytest.raises(ValueError):
        request(b"short")


def test_a_token_about_other_bytes_is_refused(authority):
    with rejected("wrong-imprint"):
        verify(stamped(authority), hashlib.sha256(b"another").digest(), authority.chain_pem)


def test_an_imprint_of_another_algorithm_is_refused_though_its_bytes_agree(authority, monkeypatch):
    monkeypatch.setitem(tsa.DIGEST_BYTES, "sha512_256", 32)
    body = tsp.TimeStampReq.load(request(DIGEST).der)
    body["message_imprint"]["hash_algorithm"] = {"algorithm": "sha512_256"}
    with rejected("wrong-imprint"):
        verify(authority.answer(body.dump(force=True)), DIGEST, authority.chain_pem)


def test_a_token_for_another_request_is_refused(authority):
    with rejected("wrong-nonce"):
        verify(stamped(authority), DIGEST, authority.chain_pem, nonce=1)


def test_a_token_under_another_policy_is_refused(authority):
    with rejected("wrong-policy"):
        verify(stamped(authority), DIGEST, authority.chain_pem, policy="1.2.3")


def test_a_token_of_an_authority_that_is_not_trusted_is_refused(authority, other):
    with rejected("untrusted"):
        verify(stamped(authority), DIGEST, other.chain_pem)


@pytest.mark.parametrize("pem", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_trusted_chain_without_a_root_trusts_nobody(authority, pem):
    with rejected("no-root"):
        verify(stamped(authority), DIGEST, pem)


def test_the_leaf_alone_is_no_root(authority):
    with rejected("no-root"):
        verify(stamped(authority), DIGEST, authority._leaf.public_bytes(Encoding.PEM))


@pytest.mark.parametrize(
    "leaf",
    [
        {"critical": False},
        {"usages": ()},
        {"usages": (ExtendedKeyUsageOID.CLIENT_AUTH,)},
        {"usages": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CLIENT_AUTH)},
    ],
)
def test_a_certificate_that_is_not_for_timestamps_alone_is_refused(other, leaf):
    with_leaf(other, **leaf)
    with rejected("wrong-usage"):
        verify(stamped(other), DIGEST, other.chain_pem)


def test_the_same_leaf_made_right_is_accepted(other):
    with_leaf(other)
    verify(stamped(other), DIGEST, other.chain_pem)


def test_a_certificate_that_had_ended_when_it_signed_is_refused(other):
    with_leaf(other, ends=clock.now() - timedelta(days=1))
    with rejected("untrusted"):
        verify(stamped(other), DIGEST, other.chain_pem)


def test_a_certificate_that_ended_since_is_still_good_for_its_time(other, monkeypatch):
    for module in (tsa, certificates):
        monkeypatch.setattr(module, "clock_now", lambda: clock.now() - timedelta(days=2))
    with_leaf(other, ends=clock.now() - timedelta(days=1))
    other._root = certificates.root_certificate(other._root_key)
    verify(stamped(other), DIGEST, other.chain_pem)


def test_a_token_without_its_certificate_is_refused(authority):
    body = tsp.TimeStampReq.load(request(DIGEST).der)
    body["cert_req"] = False
    with rejected("no-certificate"):
        verify(authority.answer(body.dump(force=True)), DIGEST, authority.chain_pem)


def test_a_token_bound_to_another_certificate_is_refused(other, monkeypatch):
    genuine = tsp.SigningCertificateV2
    monkeypatch.setattr(tsp, "SigningCertificateV2", lambda _: genuine({"certs": [{"cert_hash": b"\0" * 32}]}))
    with rejected("wrong-signer"):
        verify(stamped(other), DIGEST, other.chain_pem)


def test_a_token_bound_to_no_certificate_is_refused(other, monkeypatch):
    genuine = cms.CMSAttributes
    monkeypatch.setattr(cms, "CMSAttributes", lambda attributes: genuine(attributes[:-1]))
    with rejected("wrong-signer"):
        verify(stamped(other), DIGEST, other.chain_pem)


def test_a_token_with_two_signers_is_refused(authority):
    with rejected("wrong-signer"):
        verify(
            altered(stamped(authority), lambda signed: signed["signer_infos"].append(signed["signer_infos"][0].copy())),
            DIGEST,
            authority.chain_pem,
        )


def test_a_signature_by_another_key_is_refused(other):
    other._key = ec.generate_private_key(ec.SECP256R1())
    with rejected("untrusted"):
        verify(stamped(other), DIGEST, other.chain_pem)


def test_a_token_of_tomorrow_is_refused(authority):
    response = stamped(authority)
    with rejected("from-the-future"):
        verify(response, DIGEST, authority.chain_pem, now=clock.now() - timedelta(hours=1))
    verify(response, DIGEST, authority.chain_pem, now=clock.now() + timedelta(days=400))


def test_no_changed_byte_changes_what_a_token_says(authority):
    response = stamped(authority)
    facts = verify(response, DIGEST, authority.chain_pem)
    refused = 0
    for position in range(len(response)):
        spoilt = bytearray(response)
        spoilt[position] ^= 0x01
        try:
            assert verify(bytes(spoilt), DIGEST, authority.chain_pem) == facts
        except TimestampRejected:
            refused += 1
    assert refused > 0.9 * len(response)


@pytest.mark.parametrize("kept", [0, 1, 2, 50, -1])
def test_a_token_cut_short_is_garbage(authority, kept):
    with rejected("garbage"):
        verify(stamped(authority)[:kept], DIGEST, authority.chain_pem)


def test_bytes_after_a_token_are_garbage(authority):
    with rejected("garbage"):
        verify(stamped(authority) + b"\0", DIGEST, authority.chain_pem)
    with rejected("garbage"):
        verify(bare_token(stamped(authority)) + b"\0", DIGEST, authority.chain_pem)


async def test_a_refusal_by_the_authority_gives_its_reason(authority):
    with pytest.raises(TimestampRejected, match="bad_data_format") as refused:
        await fetch(client(lambda _: served(authority)(httpx.Request("POST", URL, content=b"junk"))), URL, DIGEST)
    assert refused.value.code == "refused"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "application/json", "refused"),
        (404, REPLY_TYPE, "refused"),
        (200, "text/html", "garbage"),
        (200, "", "garbage"),
    ],
)
async def test_status_and_type_are_checked_before_the_bytes(authority, status, kind, code):
    good = stamped(authority)
    with rejected(code):
        await fetch(client(lambda _: httpx.Response(status, headers={"content-type": kind}, content=good)), URL, DIGEST)


@pytest.mark.parametrize("content", [b"", b"\x30", b"not DER", b"\x30\x00", b"x" * 300_000])
async def test_an_answer_that_is_no_timestamp_is_garbage(content):
    with rejected("garbage"):
        await fetch(
            client(lambda _: httpx.Response(200, headers={"content-type": REPLY_TYPE}, content=content)), URL, DIGEST
        )


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_authority_in_trouble_is_unavailable(status):
    with pytest.raises(Unavailable):
        await fetch(client(lambda _: httpx.Response(status)), URL, DIGEST)


async def test_an_authority_out_of_reach_is_unavailable():
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(Unavailable):
        await fetch(client(broken), URL, DIGEST)


async def test_an_old_answer_played_again_is_refused(authority):
    old = stamped(authority)
    with rejected("wrong-nonce"):
        await fetch(
            client(lambda _: httpx.Response(200, headers={"content-type": REPLY_TYPE}, content=old)), URL, DIGEST
        )


async def test_an_answer_about_other_bytes_is_refused_at_once(authority):
    def swapping(asked: httpx.Request) -> httpx.Response:
        body = tsp.TimeStampReq.load(asked.content)
        body["message_imprint"]["hashed_message"] = b"\1" * 32
        return httpx.Response(
            200, headers={"content-type": REPLY_TYPE}, content=authority.answer(body.dump(force=True))
        )

    with rejected("wrong-imprint"):
        await fetch(client(swapping), URL, DIGEST)


async def test_the_query_goes_out_as_one():
    seen: list[str] = []

    def looking(asked: httpx.Request) -> httpx.Response:
        seen.append(asked.headers["content-type"])
        return httpx.Response(503)

    with pytest.raises(Unavailable):
        await fetch(client(looking), URL, DIGEST)
    assert seen == [QUERY_TYPE]


def test_gen_time_is_aware_utc(authority):
    assert verify(stamped(authority), DIGEST, authority.chain_pem).gen_time.tzinfo == UTC
    assert isinstance(verify(stamped(authority), DIGEST, authority.chain_pem).gen_time, datetime)
