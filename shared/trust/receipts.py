"""Receipts that a person keeps: compact JWS, verified offline with ``service-keys.json``.

Header: ``alg`` Ed25519, ``kid`` the service key, ``typ`` recours-receipt+jwt. Claims: the caller's, and
``iss`` (the service) and ``iat`` (seconds since 1970, UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.errors import BrokenSignature
from shared.trust.jws import read_unverified, sign_compact, verify_compact
from shared.trust.signing import KeySet, SigningKey

TYP = "recours-receipt+jwt"
_RESERVED = frozenset({"iss", "iat"})


def issue(key: SigningKey, claims: Mapping[str, Any], now: datetime) -> str:
    """A receipt of ``claims`` by the key's service at ``now`` (aware). Raises ValueError if they set iss or iat."""
    if taken := _RESERVED & claims.keys():
        raise ValueError(f"A receipt sets {', '.join(sorted(taken))} itself: leave it out of the claims.")
    return sign_compact(key, TYP, {"iss": key.service, "iat": int(now.timestamp()), **claims})


def check(jws: str, keys: KeySet) -> dict[str, Any]:
    """The claims of a receipt whose issuer's key was valid when it was issued. Raises BrokenSignature."""
    _, claims = read_unverified(jws, TYP)
    match claims:
        case {"iss": str() as issuer, "iat": int() as issued} if 0 <= issued < 2**40 and not isinstance(issued, bool):
            return verify_compact(jws, TYP, keys, owner=issuer, at=issued_at(claims))
        case _:
            raise BrokenSignature("This receipt says neither who issued it nor when: it is not one of ours.")


def issued_at(claims: Mapping[str, Any]) -> datetime:
    """When a receipt says that it was issued (UTC); the end of 9999 for any later time."""
    return datetime.fromtimestamp(min(claims["iat"], _LAST), UTC)


# The last second that datetime can say; any later claim is outside every key's validity anyway.
_LAST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
