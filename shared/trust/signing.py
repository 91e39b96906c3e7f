"""Ed25519 keys of services and partners: who signed which bytes, and whether the key was valid then.

A key is named ``<owner>-<first 16 hex of SHA-256(public bytes)>``. The owner is a service (``billing``) or a partner
(``partner:<id>``), so that no partner can ever pass for a service.
``service-keys.json`` is a JWK Set (RFC 7517, OKP keys of RFC 8037) whose keys carry three more members:
``owner``, ``not_before`` and ``not_after`` (ISO 8601, UTC); any JWS library can use it offline.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from shared.errors import BrokenContract, BrokenSignature

Owner = Annotated[str, Field(pattern=r"^(partner:)?[a-z0-9][a-z0-9-]{0,62}$")]

VALIDITY = timedelta(days=730)
# Replicas' clocks differ a little: a key is valid shortly before it was made.
CLOCK_SKEW = timedelta(minutes=5)


def key_id(owner: str, public: bytes) -> str:
    """The name of the key whose 32 raw public bytes are ``public``."""
    return f"{owner}-{hashlib.sha256(public).hexdigest()[:16]}"


class PublicKey(BaseModel):
    """A public key: 32 raw bytes in base64, valid in ``[not_before, not_after)``; its id must follow from them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    service: Owner
    public_key: str
    not_before: AwareDatetime
    not_after: AwareDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.key_id != key_id(self.service, self.raw):
            raise ValueError("The key id is not that of the key: take both from the same place.")
        if self.not_before >= self.not_after:
            raise ValueError("A key must end after it begins.")
        return self

    @cached_property
    def raw(self) -> bytes:
        """The 32 raw bytes. Raises ValueError when the text is not them."""
        try:
            raw = base64.b64decode(self.public_key, validate=True)
        except binascii.Error as error:
            raise ValueError("A public key is 32 bytes in base64.") from error
        if len(raw) != 32:
            raise ValueError("A public key is 32 bytes in base64.")
        return raw

    @cached_property
    def loaded(self) -> Ed25519PublicKey:
        """The key, ready to verify."""
        return Ed25519PublicKey.from_public_bytes(self.raw)

    def jwk(self) -> dict[str, str]:
        """The key as a member of ``service-keys.json``."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "Ed25519",
            "kid": self.key_id,
            "x": base64.urlsafe_b64encode(self.raw).rstrip(b"=").decode(),
            "owner": self.service,
            "not_before": _iso(self.not_before),
            "not_after": _iso(self.not_after),
        }


class SigningKey(BaseModel):
    """A service's private key. ``private`` is the 32-byte seed in base64; repr and dumps hide it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    service: Owner
    not_before: AwareDatetime
    not_after: AwareDatetime
    private: SecretStr

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.public()
        return self

    @cached_property
    def loaded(self) -> Ed25519PrivateKey:
        """The key, ready to sign. Raises ValueError when the seed is not 32 bytes of base64."""
        try:
            return Ed25519PrivateKey.from_private_bytes(
                base64.b64decode(self.private.get_secret_value(), validate=True)
            )
        except ValueError:
            raise ValueError("A signing key's seed is 32 bytes in base64.") from None

    def sign(self, data: bytes) -> bytes:
        """The 64-byte Ed25519 signature (RFC 8032) over ``data``."""
        return self.loaded.sign(data)

    def public(self) -> PublicKey:
        """The half that everybody may have."""
        raw = self.loaded.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return PublicKey(
            key_id=self.key_id,
            service=self.service,
            public_key=base64.b64encode(raw).decode(),
            not_before=self.not_before,
            not_after=self.not_after,
        )

    def to_secret_json(self) -> str:
        """JSON with the private seed, for the keyring and nothing else."""
        return json.dumps(
            {
                "key_id": self.key_id,
                "service": self.service,
                "not_before": _iso(self.not_before),
                "not_after": _iso(self.not_after),
                "private": self.private.get_secret_value(),
            }
        )

    @classmethod
    def from_secret_json(cls, text: str) -> SigningKey:
        """The key that ``to_secret_json`` wrote. Raises BrokenContract, without quoting the text."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            raise BrokenContract("The keyring holds a signing key that cannot be read: restore or rotate it.") from None


def generate(service: str, now: datetime, *, valid_for: timedelta = VALIDITY) -> SigningKey:
    """A new key of ``service``, valid from five minutes before ``now`` (aware) for ``valid_for``."""
    private = Ed25519PrivateKey.generate()
    seed = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return SigningKey(
        key_id=key_id(service, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
        service=service,
        not_before=now - CLOCK_SKEW,
        not_after=now + valid_for,
        private=SecretStr(base64.b64encode(seed).decode()),
    )


class KeySet:
    """The public keys of many services and partners, by key id. Immutable."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys = {key.key_id: key for key in keys}

    def __iter__(self) -> Iterator[PublicKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key_id: str) -> PublicKey | None:
        """The key of that id, or None."""
        return self._keys.get(key_id)

    def merged(self, other: Iterable[PublicKey]) -> KeySet:
        """A set with the keys of both."""
        return KeySet([*self, *other])

    def verify(self, *, key_id: str, owner: str, data: bytes, signature: bytes, at: datetime) -> None:
        """Return if ``owner``'s key ``key_id``, valid at ``at`` (aware), signed ``data``.

        Raises BrokenSignature whose message says which check failed: the key is unknown, belongs to another owner,
        was not valid at that time, or the signature does not match.
        """
        key = self._keys.get(key_id)
        if key is None:
            message = f"Unknown key {key_id[:96]!r}: publish it to the keyring, or refuse the message."
            raise BrokenSignature(message, fault="unknown-key")
        if key.service != owner:
            message = f"Key {key_id} belongs to {key.service}, not to {owner}: refuse the message."
            raise BrokenSignature(message, fault="another-owner")
        if not key.not_before <= at < key.not_after:
            window = f"it holds from {_iso(key.not_before)} to {_iso(key.not_after)}"
            message = f"Key {key_id} is outside its validity: {window}, and the message is of {_iso(at)}."
            raise BrokenSignature(message, fault="outside-validity")
        try:
            key.loaded.verify(signature, data)
        except InvalidSignature:
            message = f"The signature by {key_id} does not match the bytes: refuse the message."
            raise BrokenSignature(message, fault="altered") from None

    def to_json(self) -> str:
        """The text of ``service-keys.json``: a JWK Set, keys in order of their ids."""
        return json.dumps({"keys": [self._keys[name].jwk() for name in sorted(self._keys)]}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> KeySet:
        """The set that ``to_json`` wrote. Raises BrokenContract on anything else."""
        try:
            return cls(_from_jwk(jwk) for jwk in json.loads(text)["keys"])
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenContract("This is not a set of service keys: fetch service-keys.json again.") from error


def _from_jwk(jwk: dict[str, Any]) -> PublicKey:
    if (jwk["kty"], jwk["crv"]) != ("OKP", "Ed25519"):
        raise ValueError("Only Ed25519 keys are used.")
    text = jwk["x"]
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return PublicKey(
        key_id=jwk["kid"],
        service=jwk["owner"],
        public_key=base64.b64encode(raw).decode(),
        not_before=jwk["not_before"],
        not_after=jwk["not_after"],
    )


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
