"""Who holds which secret: argon2id hashes (RFC 9106) per access, sealed to the case's key for accounts."""

from __future__ import annotations

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.contracts.sealed import Account, Secrets
from shared.errors import Refused

MIN_PASSPHRASE = 10
MAX_PASSPHRASE = 1024

_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="argon2")
"""Each hash holds 64 MB: more at once than there are cores would only take more memory."""


def stamp_of(held: Secrets) -> str:
    """Changes with either secret of an access, so that renewing under an old one ends."""
    return hashlib.sha256(f"{held.code}\n{held.passphrase}".encode()).hexdigest()[:32]


def with_secrets(account: Account, access: str, held: Secrets) -> Account:
    """The account with those secrets for that access, instead of any before."""
    return account.model_copy(update={"accesses": {**account.accesses, access: held}})


async def hashed(secret: str) -> str:
    """The argon2id hash of a secret, made in a thread (some 50 ms and 64 MB)."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, secret)


async def hashed_passphrase(passphrase: str) -> str:
    """The hash of a second secret. Raises Refused when it is too short or too long."""
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        message = f"Choose a passphrase of at least {MIN_PASSPHRASE} characters: four words that only you put together."
        raise Refused("weak-passphrase", message, field="passphrase")
    return await hashed(passphrase)


async def verified(hash_or_none: str | None, secret: str) -> bool:
    """Whether the secret is that of the hash; without one, the same work is done and the answer is no."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _fits, hash_or_none, secret[:MAX_PASSPHRASE])


def _fits(hash_or_none: str | None, secret: str) -> bool:
    try:
        return _hasher.verify(hash_or_none or _nobodys(), secret) and hash_or_none is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this secret")
