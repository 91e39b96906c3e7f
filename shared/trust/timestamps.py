"""RFC 3161 timestamps: ask an authority, and verify what it gave as a strict judge would.

What is kept is the DER TimeStampResp (``.tsr``), which ``openssl ts -verify -in token.tsr -data FILE -CAfile
tsa-chain.pem`` accepts; the bare TimeStampToken (``.tst``, for ASiC) is in it. rfc3161-client checks status, signature
and chain at the token's own time; this module adds what it leaves out: the imprint's algorithm, the one signer, the
sole critical timeStamping usage, the signing-certificate attribute (RFC 2634, RFC 5035) and the time's plausibility.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

import httpx
from asn1crypto import tsp
from cryptography import x509
from cryptography.x509.oid import NameOID
from pydantic import AwareDatetime, BaseModel, ConfigDict
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from shared.clock import milliseconds
from shared.errors import Unavailable
from shared.trust.timestamp_token import (
    TimestampRejected,
    as_response,
    check_imprint,
    check_nonce,
    check_usage,
    garbage,
    granted,
    signing_certificate,
    tst_info,
)

__all__ = [
    "Qualification",
    "TimestampFacts",
    "TimestampRejected",
    "TimestampRequest",
    "Token",
    "bare_token",
    "fetch",
    "request",
    "verify",
]

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
MAX_RESPONSE_BYTES = 256 * 1024
NONCE_BITS = 64
FUTURE_TOLERANCE = timedelta(minutes=5)

Qualification = Literal["qualified", "not-qualified", "unknown"]
"""``qualified`` needs the EU trusted list, which nothing here reads: so nothing here says it."""


class TimestampRequest(BaseModel):
    """A DER TimeStampReq and the nonce that its answer must repeat."""

    model_config = ConfigDict(frozen=True)

    der: bytes
    nonce: int


class Token(BaseModel):
    """An authority's granted answer. ``response``: DER TimeStampResp, to be kept; ``nonce``: that of the request."""

    model_config = ConfigDict(frozen=True)

    response: bytes
    nonce: int

    @property
    def token(self) -> bytes:
        """The bare TimeStampToken (a CMS ContentInfo), for ASiC containers and evidence records."""
        return bare_token(self.response)


class TimestampFacts(BaseModel):
    """What a verified token says. ``gen_time``: UTC; ``authority``: its certificate's CN; ``serial``: decimal text."""

    model_config = ConfigDict(frozen=True)

    gen_time: AwareDatetime
    authority: str
    policy: str
    serial: str
    qualified: Qualification


def request(digest: bytes) -> TimestampRequest:
    """A request for ``digest`` (32 bytes, SHA-256) with a random nonce, asking for the certificate."""
    if len(digest) != 32:
        raise ValueError("A timestamp is asked for a 32-byte SHA-256 digest.")
    # The top bit is set so that every nonce has the same length.
    nonce = secrets.randbits(NONCE_BITS - 1) | 1 << (NONCE_BITS - 1)
    body = tsp.TimeStampReq(
        {
            "version": 1,
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest},
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return TimestampRequest(der=body.dump(), nonce=nonce)


async def fetch(client: httpx.AsyncClient, url: str, digest: bytes) -> Token:
    """A granted token for ``digest`` (SHA-256) from the authority at ``url``; its chain is left to ``verify``.

    Raises Unavailable when the authority cannot be reached or is busy, and TimestampRejected for any other answer.
    """
    asked = request(digest)
    try:
        async with client.stream("POST", url, content=asked.der, headers={"Content-Type": QUERY_TYPE}) as answer:
            if answer.status_code == 429 or answer.status_code >= 500:
                raise Unavailable(f"The timestamp authority answers {answer.status_code}: try again.", retry_after=30)
            if answer.status_code != 200:
                raise TimestampRejected("refused", f"The authority answers {answer.status_code}: check its address.")
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != REPLY_TYPE:
                raise TimestampRejected("garbage", "The answer is no timestamp reply: check the authority's address.")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    raise TimestampRejected("garbage", "The answer is too long for a timestamp: ask another authority.")
    except httpx.TransportError as error:
        raise Unavailable(
            f"The timestamp authority cannot be reached ({type(error).__name__}): try again.", retry_after=30
        ) from error
    response = bytes(body)
    info = tst_info(granted(response))
    check_imprint(info, digest)
    check_nonce(info, asked.nonce)
    return Token(response=response, nonce=asked.nonce)


def bare_token(response: bytes) -> bytes:
    """The TimeStampToken of a granted DER TimeStampResp. Raises TimestampRejected."""
    token: bytes = granted(response)["time_stamp_token"].dump()
    return token


def verify(
    token_der: bytes,
    digest: bytes,
    trusted_chain_pem: bytes,
    *,
    nonce: int | None = None,
    policy: str | None = None,
    declared_not_qualified: bool = False,
    now: datetime | None = None,
) -> TimestampFacts:
    """Verify a DER TimeStampResp, or a bare TimeStampToken, over ``digest`` (32 bytes, SHA-256).

    Args:
        token_der: what was kept.
        digest: the SHA-256 that it must be about.
        trusted_chain_pem: PEM certificates; the self-signed ones are the trusted roots, the others may link to them.
        nonce: that of the request, when it is known.
        policy: dotted OID which the token must be under.
        declared_not_qualified: the configuration says that this authority is not a qualified one.
        now: aware; a token from more than five minutes after it is refused.

    Raises:
        TimestampRejected: with code garbage, refused, wrong-imprint, wrong-nonce, wrong-policy, no-root,
            no-certificate, wrong-usage, wrong-signer, untrusted or from-the-future.
    """
    response_der = as_response(token_der)
    response = granted(response_der)
    info = tst_info(response)
    check_imprint(info, digest)
    if nonce is not None:
        check_nonce(info, nonce)
    if policy is not None and info["policy"].dotted != policy:
        raise TimestampRejected("wrong-policy", f"The token is under policy {info['policy'].dotted}, not {policy}.")
    signer = signing_certificate(response["time_stamp_token"]["content"])
    check_usage(signer)
    _check_chain(response_der, digest, trusted_chain_pem)
    gen_time: datetime = info["gen_time"].native
    if now is not None and gen_time > now + FUTURE_TOLERANCE:
        raise TimestampRejected("from-the-future", "The token is later than now: check this clock and the authority's.")
    names = signer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return TimestampFacts(
        gen_time=milliseconds(gen_time),
        authority=str(names[0].value) if names else signer.subject.rfc4514_string(),
        policy=info["policy"].dotted,
        serial=str(info["serial_number"].native),
        qualified="not-qualified" if declared_not_qualified else "unknown",
    )


def _check_chain(response_der: bytes, digest: bytes, trusted_chain_pem: bytes) -> None:
    builder = VerifierBuilder()
    roots = 0
    try:
        for certificate in dict.fromkeys(x509.load_pem_x509_certificates(trusted_chain_pem)):
            if certificate.issuer == certificate.subject:
                builder, roots = builder.add_root_certificate(certificate), roots + 1
            else:
                builder = builder.add_intermediate_certificate(certificate)
    except ValueError:
        roots = 0
    if not roots:
        raise TimestampRejected("no-root", "The trusted chain holds no self-signed root: configure the authority's.")
    try:
        response: TimeStampResponse = decode_timestamp_response(response_der)
        builder.build().verify(response, digest)
    except VerificationError:
        raise TimestampRejected(
            "untrusted", "The token's signature does not lead to a trusted root valid at its time: refuse the token."
        ) from None
    except ValueError:  # it parses lazily, and more strictly than asn1crypto
        raise garbage() from None
