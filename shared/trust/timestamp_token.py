"""An RFC 3161 answer read strictly: its status, its TSTInfo, and the one signer that it is bound to."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from shared.errors import BrokenContract


class TimestampRejected(BrokenContract):
    """The answer is no timestamp of these bytes that can be relied upon; ``code`` says why (kebab-case)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def as_response(der: bytes) -> bytes:
    """``der`` itself, or the response that a bare token would have come in."""
    try:
        token = cms.ContentInfo.load(der, strict=True)
        kind = token["content_type"].native
    except (ValueError, TypeError, KeyError):
        return der
    if kind != "signed_data":
        return der
    wrapped: bytes = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()
    return wrapped


def granted(der: bytes) -> Any:
    # The token of a refusal is absent, which asn1crypto's own class cannot say: the status is read on its own.
    try:
        fields = core.Sequence.load(der, strict=True)
        status = tsp.PKIStatusInfo.load(fields[0].dump(), strict=True)
        native = status["status"].native
        failure = status["fail_info"].native or set()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise garbage() from None
    if native != "granted":
        raise TimestampRejected(
            "refused", f"The authority answers {native} ({', '.join(sorted(failure)) or 'no reason'}): ask another one."
        )
    try:
        response = tsp.TimeStampResp.load(der, strict=True)
        if response["time_stamp_token"]["content_type"].native != "signed_data":
            raise garbage()
    except (ValueError, TypeError, KeyError):
        raise garbage() from None
    return response


def tst_info(response: Any) -> Any:
    try:
        encapsulated = response["time_stamp_token"]["content"]["encap_content_info"]
        if encapsulated["content_type"].native != "tst_info":
            raise garbage()
        info = encapsulated["content"].parsed
        # Everything is parsed now, so that nothing fails lazily among the checks.
        if info.native["version"] != "v1" or not isinstance(info["gen_time"].native, datetime):
            raise garbage()
    except (ValueError, TypeError, KeyError, AttributeError):
        raise garbage() from None
    return info


def check_imprint(info: Any, digest: bytes) -> None:
    imprint = info["message_imprint"]
    if imprint["hash_algorithm"]["algorithm"].native != "sha256" or not hmac.compare_digest(
        imprint["hashed_message"].native, digest
    ):
        raise TimestampRejected("wrong-imprint", "The token is about other bytes: keep it apart and ask for another.")


def check_nonce(info: Any, nonce: int) -> None:
    if info["nonce"].native != nonce:
        raise TimestampRejected("wrong-nonce", "The token answers another request: ask again.")


def signing_certificate(signed: Any) -> x509.Certificate:
    """The one embedded certificate that the signer names, by issuer and serial and by the signed hash."""
    try:
        signers = signed["signer_infos"]
        if len(signers) != 1:
            raise TimestampRejected("wrong-signer", "A token has exactly one signer: ask another authority.")
        sid = signers[0]["sid"]
        if sid.name != "issuer_and_serial_number":
            raise TimestampRejected("wrong-signer", "The signer is not named by its issuer and serial number.")
        named = [
            one.chosen
            for one in signed["certificates"]
            if isinstance(one.chosen, asn1_x509.Certificate)
            and one.chosen.issuer == sid.chosen["issuer"]
            and one.chosen.serial_number == sid.chosen["serial_number"].native
        ]
        if len(named) != 1:
            raise TimestampRejected("no-certificate", "The token does not carry its signer's certificate: ask for it.")
        der: bytes = named[0].dump()
        _check_signing_certificate(signers[0]["signed_attrs"], named[0], der)
        return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise garbage() from None


def _check_signing_certificate(attributes: Any, certificate: Any, der: bytes) -> None:
    """RFC 3161, 2.4.2 and RFC 5816: the first ESSCertID of the signed attribute is the signer's certificate."""
    identified = 0
    for attribute in attributes:
        kind = attribute["type"].native
        if kind not in {"signing_certificate", "signing_certificate_v2"} or len(attribute["values"]) != 1:
            continue
        first = attribute["values"][0]["certs"][0]
        algorithm = "sha1" if kind == "signing_certificate" else first["hash_algorithm"]["algorithm"].native
        wanted = hashlib.new(algorithm, der, usedforsecurity=algorithm != "sha1").digest()
        same_issuer = first["issuer_serial"].native is None or (
            first["issuer_serial"]["serial_number"].native == certificate.serial_number
            and [name.chosen for name in first["issuer_serial"]["issuer"]] == [certificate.issuer]
        )
        if not same_issuer or not hmac.compare_digest(first["cert_hash"].native, wanted):
            raise TimestampRejected("wrong-signer", "The token was signed for another certificate than it carries.")
        identified += 1
    if identified == 0:
        raise TimestampRejected(
            "wrong-signer", "The token does not bind its signer's certificate: ask another authority."
        )


def check_usage(signer: x509.Certificate) -> None:
    """RFC 3161, 2.3: extended key usage present, critical, and timeStamping alone."""
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError):
        usage = None
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TimestampRejected(
            "wrong-usage", "The signer's certificate is not for timestamps alone: refuse the token."
        )


def garbage() -> TimestampRejected:
    return TimestampRejected("garbage", "These bytes are no RFC 3161 timestamp: ask the authority again.")
