"""Partners: who they are, the keys they sign with, and the topics and cases that they may speak of.

A registration only ever grows: a key's window is closed, its entry stays, so that a message which was received while
the key was valid (it may wait hours for its case, or days for staff) still verifies.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import NotFound, Refused
from shared.trust.signing import PublicKey, key_id

PartnerId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,53}$")]


def partner_owner(partner_id: str) -> str:
    """The owner name of a partner's keys; never a service's name."""
    return f"partner:{partner_id}"


class Partner(BaseModel):
    """A registered partner: ``keys`` are all owned by it; ``cases`` is a set of case ids, or ``*``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partner_id: PartnerId
    name: Annotated[str, Field(min_length=1, max_length=200)]
    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1)]
    topics: frozenset[Annotated[str, Field(pattern=r"^partner\.[a-z-]+$")]]
    cases: frozenset[str] | Literal["*"]

    def model_post_init(self, _: object) -> None:
        """Raises ValueError when a key is another owner's."""
        if any(key.service != partner_owner(self.partner_id) for key in self.keys):
            raise ValueError("A partner's keys must be its own: generate them for partner:<id>.")

    def may(self, topic: str, case_id: str) -> bool:
        """Whether its scope holds that topic and that case."""
        return topic in self.topics and (self.cases == "*" or case_id in self.cases)


def read_public_key(content: bytes) -> bytes:
    """The 32 raw bytes of an Ed25519 public key in PEM (SubjectPublicKeyInfo) or as one JWK (RFC 8037).

    Raises Refused, without quoting the content: no such key, or a private one.
    """
    if b"PRIVATE KEY" in content:
        raise _private()
    if b"-----BEGIN" in content:
        return _of_pem(content)
    try:
        jwk = json.loads(content)
    except (ValueError, RecursionError):
        raise _no_key("it is neither PEM nor JSON") from None
    if not isinstance(jwk, dict):
        raise _no_key("its JSON is no JWK")
    return _of_jwk(jwk)


def partner_key(partner_id: str, raw: bytes, not_before: datetime, not_after: datetime) -> PublicKey:
    """The partner's key, valid in ``[not_before, not_after)`` (aware). Raises Refused when the window is empty."""
    if not_before >= not_after:
        raise Refused("empty-window", "A key must end after it begins: correct the two instants.", field="not_after")
    owner = partner_owner(partner_id)
    return PublicKey(
        key_id=key_id(owner, raw),
        service=owner,
        public_key=base64.b64encode(raw).decode(),
        not_before=not_before,
        not_after=not_after,
    )


def with_key(partner: Partner, key: PublicKey) -> Partner:
    """The partner with one more key. Raises Refused when it has that key already, whatever its window."""
    if any(one.key_id == key.key_id for one in partner.keys):
        message = f"{partner.partner_id} has the key {key.key_id} already: a new window needs a new key."
        raise Refused("key-registered", message, conflict=True)
    return partner.model_copy(update={"keys": (*partner.keys, key)})


def with_key_ended(partner: Partner, name: str, at: datetime) -> Partner:
    """The partner whose key ``name`` ends at ``at`` (aware); the key stays, for what was received before.

    Raises:
        NotFound: it has no such key. Refused: the key ends before ``at`` already.
    """
    key = next((one for one in partner.keys if one.key_id == name), None)
    if key is None:
        known = ", ".join(one.key_id for one in partner.keys)
        raise NotFound(f"{partner.partner_id} has no key of that id: choose among {known}.")
    if at >= key.not_after:
        message = f"{name} ends at {key.not_after.isoformat()} already: a window is only ever made shorter."
        raise Refused("key-ended", message, field="at")
    return partner.model_copy(update={"keys": tuple(_ended(one, at) if one is key else one for one in partner.keys)})


def with_all_keys_ended(partner: Partner, at: datetime) -> Partner:
    """The partner none of whose keys is valid from ``at`` (aware) on: it can say nothing more."""
    return partner.model_copy(
        update={"keys": tuple(_ended(one, at) if at < one.not_after else one for one in partner.keys)}
    )


def _ended(key: PublicKey, at: datetime) -> PublicKey:
    # A key that was not valid yet at that instant never will be: its window lies in the past, and is as good as none.
    begins = min(key.not_before, at - timedelta(milliseconds=1))
    return key.model_copy(update={"not_before": begins, "not_after": at})


def _of_pem(content: bytes) -> bytes:
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key("its PEM is no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(f"it is of another kind ({type(key).__name__.removeprefix('_').removesuffix('PublicKey')})")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _of_jwk(jwk: dict[str, Any]) -> bytes:
    if "d" in jwk:
        raise _private()
    match jwk:
        case {"kty": "OKP", "crv": "Ed25519", "x": str() as text}:
            try:
                raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            except ValueError:
                raise _no_key("its x is no base64url") from None
            if len(raw) != 32:
                raise _no_key(f"its x has {len(raw)} bytes instead of 32")
            return raw
        case {"keys": [*_]}:
            raise _no_key("it is a set of keys; give one of them")
        case _:
            raise _no_key('it needs "kty": "OKP", "crv": "Ed25519" and "x"')


def _no_key(why: str) -> Refused:
    return Refused("not-ed25519", f"This is not an Ed25519 public key in PEM or as a JWK: {why}.", field="key")


def _private() -> Refused:
    message = (
        "This is a private key, which nobody but the partner may hold: ask for the public half of a new one, "
        "and tell the partner that this one is no secret any more."
    )
    return Refused("private-key", message, field="key")
