"""Destroying the keys of a case that every service has cleared, the certificate of it, and that it stays done."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from services.intake.domain.commands import DestructionFailed, KeysDestroyed
from services.intake.domain.state import CLEARING, Case
from shared import clock
from shared.contracts.envelope import timestamp
from shared.errors import NotFound
from shared.runtime.declaration import Attempt, Command, Recorded
from shared.trust.receipts import issue
from shared.trust.sealing import Purpose

READABLE: Final = (
    "identifiers",
    "event-names",
    "instants-of-events",
    "days-of-acts-and-deadlines",
    "coarse-kinds",
    "that-there-is-a-hate-ground",
    "persona-and-roles",
    "amounts",
    "salted-commitments",
)
"""What stays readable on the log after the keys are gone (the contracts' fields in clear)."""


async def destroy_keys(attempt: Attempt, running: Any) -> Sequence[Command]:
    """Destroy the case's keys, store the signed certificate under the erasure's id, and say so.

    Repeated, it destroys nothing more and finds the certificate that it stored. Raises Unavailable (tried again)
    while the keyring or the object server does not answer, BrokenContract while a key is still there.
    """
    erasure = attempt.subject
    await running.keyring.destroy_case_keys(attempt.case)
    certificate = await read_certificate(running, erasure)
    if certificate is None:
        state: Case = await running.load("case", attempt.case)
        certificate = issue(running.signing, claims(attempt.case, erasure, state), clock.now())
        await running.objects.put(erasure, _one(certificate.encode()), length=len(certificate))
    digest = hashlib.sha256(certificate.encode()).hexdigest()
    return (KeysDestroyed(case=attempt.case, erasure=erasure, certificate=digest),)


def destruction_failed(attempt: Attempt, _reason: str) -> Command:
    """After every attempt: a human is asked."""
    return DestructionFailed(case=attempt.case, erasure=attempt.subject)


async def destroyed_again(fact: Recorded, running: Any) -> str:
    """The keys of an erased case that a restored keyring holds again, destroyed again. Raises Unavailable."""
    if not await running.keyring.purposes_kept(fact.case):
        return ""
    await running.keyring.destroy_case_keys(fact.case)
    return "keys-of-erased-case"


async def keys_lost(fact: Recorded, running: Any) -> str:
    """Says it where the key of an opened case is not in the keyring, and nobody asked for it to be destroyed.

    Nothing can bring it back but a newer backup: what was sealed to the case stays closed.
    """
    if await running.keyring.purposes_kept(fact.case, [Purpose.CONTACT]):
        return ""
    state: Case = await running.load("case", fact.case)
    return "" if state.file.erased or state.file.erasures else "keys-lost"


async def read_certificate(running: Any, erasure: str) -> str | None:
    """The stored certificate (compact JWS), None when there is none."""
    try:
        parts = [chunk async for chunk in running.objects.get(erasure)]
    except NotFound:
        return None
    return b"".join(parts).decode()


def claims(case: str, erasure: str, state: Case) -> dict[str, Any]:
    """What the certificate says: whose keys of which purposes, who cleared when and keeps what, what stays readable."""
    cleared = [latest.value for latest in state.clearances.get(erasure, {}).values() if latest.value is not None]
    return {
        "certificate": "erasure",
        "case": case,
        "erasure": erasure,
        "purposes": sorted(purpose.value for purpose in Purpose),
        "cleared": {
            one.source: {"at": timestamp(one.at), "kept": one.kept}
            for one in sorted(cleared, key=lambda one: one.source)
            if one.source in CLEARING
        },
        "readable": list(READABLE),
    }


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
