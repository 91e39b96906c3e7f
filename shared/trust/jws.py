"""Compact JWS (RFC 7515) with Ed25519 (RFC 8037, named by RFC 9864), checked against a KeySet.

The algorithm is fixed here and never taken from the token, and every use has its own ``typ``, so that a token made
for one use is refused in another. ``EdDSA``, the older name of the same algorithm, is accepted from partners.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.errors import BrokenSignature
from shared.trust.signing import KeySet, SigningKey

MAX_BYTES = 64 * 1024
_ALGORITHMS = ("Ed25519", "EdDSA")


def sign_compact(key: SigningKey, typ: str, claims: Mapping[str, Any]) -> str:
    """``claims`` as JSON, signed by ``key`` whose id becomes ``kid``."""
    payload = json.dumps(claims, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    jwk = OKPKey.import_key(
        {"kty": "OKP", "crv": "Ed25519", "x": key.public().jwk()["x"], "d": _unpadded(key.private.get_secret_value())}
    )
    return jws.serialize_compact(
        {"alg": "Ed25519", "kid": key.key_id, "typ": typ}, payload, jwk, algorithms=["Ed25519"]
    )


def read_unverified(token: str | bytes, typ: str) -> tuple[str, dict[str, Any]]:
    """``(kid, claims)`` of a well-formed token of that ``typ``, its signature NOT checked.

    It serves to learn which owner and time to verify against. Raises BrokenSignature when it is not such a token.
    """
    kid, claims, _, _ = _parsed(token, typ)
    return kid, claims


def verify_compact(token: str | bytes, typ: str, keys: KeySet, *, owner: str, at: datetime) -> dict[str, Any]:
    """The claims of ``token``, which ``owner`` signed with a key valid at ``at``. Raises BrokenSignature."""
    kid, claims, signing_input, signature = _parsed(token, typ)
    keys.verify(key_id=kid, owner=owner, data=signing_input, signature=signature, at=at)
    return claims


def _parsed(token: str | bytes, typ: str) -> tuple[str, dict[str, Any], bytes, bytes]:
    raw = token.encode("ascii", "replace") if isinstance(token, str) else token
    if len(raw) > MAX_BYTES:
        raise BrokenSignature("This token is too long to be one of ours: ask its sender for another.")
    try:
        parsed = jws.extract_compact(raw)
        header = parsed.headers()
        claims = json.loads(parsed.payload)
        signature = _decoded(raw.rpartition(b".")[2])
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise BrokenSignature("This is not a compact JWS of JSON claims: ask its sender for another.") from None
    if header.get("alg") not in _ALGORITHMS or header.get("typ") != typ or "crit" in header or "b64" in header:
        raise BrokenSignature(f"This token is not signed for this use: its type must be {typ}, its algorithm Ed25519.")
    kid = header.get("kid")
    if not isinstance(kid, str) or not isinstance(claims, dict):
        raise BrokenSignature("This token names no key or carries no claims: ask its sender for another.")
    return kid, cast("dict[str, Any]", claims), raw.rpartition(b".")[0], signature


def _decoded(text: bytes) -> bytes:
    decoded = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    # One text per signature: a second spelling of the same bytes would make a second token of one.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != text:
        raise ValueError("The signature is not canonical base64url.")
    return decoded


def _unpadded(text: str) -> str:
    return text.translate(str.maketrans("+/", "-_")).rstrip("=")
