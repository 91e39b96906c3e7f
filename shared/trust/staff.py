"""The team's credentials: a role and the argon2id hash of a passphrase (RFC 9106)."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from functools import cache
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import NotFound, Refused

MIN_PASSPHRASE = 12
MAX_PASSPHRASE = 1024

StaffName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class StaffRole(StrEnum):
    """What a member of the team does."""

    CASE_WORKER = "case-worker"
    LAWYER = "lawyer"
    ACCOUNTANT = "accountant"
    ADMIN = "admin"


class StaffMember(BaseModel):
    """One of the team. ``passphrase_hash`` is an encoded argon2id hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: StaffName
    role: StaffRole
    passphrase_hash: Annotated[str, Field(pattern=r"^\$argon2id\$", repr=False)]


_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this passphrase")


async def enrolled(name: str, role: StaffRole | str, passphrase: str) -> StaffMember:
    """A member with that passphrase, hashed in a thread (some 50 ms and 64 MB). Raises Refused when it is too short."""
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        raise Refused(
            "weak-passphrase", f"Choose a passphrase of at least {MIN_PASSPHRASE} characters.", field="passphrase"
        )
    hashed = await asyncio.to_thread(_hasher.hash, passphrase)
    return StaffMember(name=name, role=StaffRole(role), passphrase_hash=hashed)


async def admit(member: StaffMember | None, passphrase: str) -> StaffMember:
    """``member`` if the passphrase is theirs. Raises NotFound alike for an unknown name and a wrong passphrase."""
    try:
        # Nobody's hash is verified too, so that the time of the answer does not tell who is of the team.
        hashed = member.passphrase_hash if member else await asyncio.to_thread(_nobody)
        await asyncio.to_thread(_hasher.verify, hashed, passphrase[:MAX_PASSPHRASE])
    except (VerificationError, InvalidHashError):
        member = None
    if member is None:
        raise NotFound("This name and passphrase do not go together. Check both, or ask an admin for new ones.")
    return member
