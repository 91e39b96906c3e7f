"""Who holds which secret: argon2id hashes (RFC 9106) per access, sealed to the case's key for accounts."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from typing import Annotated, Any, Self

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Refused

MIN_PASSPHRASE = 10
MAX_PASSPHRASE = 1024

_hasher = PasswordHasher()
Hash = Annotated[str, Field(pattern=r"^\$argon2id\$")]


class Secrets(BaseModel):
    """One access: ``code`` the hash of its code's secret half, ``passphrase`` that of the second secret, if set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Hash
    passphrase: Hash | None = None

    def stamp(self) -> str:
        """Changes with either secret, so that renewing under an old one ends."""
        return hashlib.sha256(f"{self.code}\n{self.passphrase}".encode()).hexdigest()[:32]


class Account(BaseModel):
    """The secrets of every access of a case, by access id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accesses: dict[str, Secrets]

    def with_secrets(self, access: str, held: Secrets) -> Self:
        return self.model_copy(update={"accesses": {**self.accesses, access: held}})

    def content(self) -> dict[str, Any]:
        """What is sealed."""
        return self.model_dump(mode="json", exclude_none=True)


async def hashed(secret: str) -> str:
    """The argon2id hash of a secret, made in a thread (some 50 ms and 64 MB)."""
    return await asyncio.to_thread(_hasher.hash, secret)


async def hashed_passphrase(passphrase: str) -> str:
    """The hash of a second secret. Raises Refused when it is too short or too long."""
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        message = f"Choose a passphrase of at least {MIN_PASSPHRASE} characters: four words that only you put together."
        raise Refused("weak-passphrase", message, field="passphrase")
    return await hashed(passphrase)


async def verified(hash_or_none: str | None, secret: str) -> bool:
    """Whether the secret is that of the hash; without one, the same work is done and the answer is no."""
    return await asyncio.to_thread(_fits, hash_or_none, secret[:MAX_PASSPHRASE])


def _fits(hash_or_none: str | None, secret: str) -> bool:
    try:
        return _hasher.verify(hash_or_none or _nobodys(), secret) and hash_or_none is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this secret")
