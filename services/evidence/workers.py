"""The jobs of evidence: have an exhibit timestamped, delete bytes, clear a case that is being forgotten; what lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from services.evidence.domain.case import CaseCleared, CaseState, ClearingFailed
from services.evidence.domain.exhibit import (
    ExhibitState,
    ForgetExhibit,
    ObjectsDeleted,
    TimestampImpossible,
    TimestampObtained,
)
from shared import clock
from shared.contracts.evidence import EvidenceWithdrawn
from shared.contracts.sealed import ExhibitDetails, read_sealed
from shared.errors import BrokenContract, Refused, Unavailable
from shared.objects import Objects
from shared.runtime.declaration import Attempt, Command, Impossible, Lasting, Postponed, Recorded, Worker
from shared.runtime.running import Running
from shared.trust import timestamps
from shared.trust.sealing import seal_chunks

AUTHORITY_SECONDS: Final = 20.0
HOLD_LOOK: Final = timedelta(minutes=1)
AT_ONCE: Final = 8
FOR_EVER: Final = 1_000_000
"""Attempts that no outage outlasts: at a quarter of an hour each, 28 years."""


async def timestamp(attempt: Attempt, running: Running) -> tuple[Command, ...]:
    """A verified token for the exhibit, stored sealed (its imprint is the file's digest) under a name of its own.

    Raises:
        Unavailable: no authority gave a usable token, or one of ours is away: later.
        Impossible: the sealed digest cannot be read.
    """
    exhibit = attempt.subject
    state: ExhibitState = await running.load("exhibit", exhibit)
    case: CaseState = await running.load("case", attempt.case)
    recipient = case.file.recipients.get("evidence")
    if not state.usable or state.stamp or state.sealed_details is None or recipient is None:
        return (TimestampImpossible(case=attempt.case, exhibit=exhibit, reason="not-needed"),)
    try:
        sealed = read_sealed(ExhibitDetails, await running.reveal(attempt.case, "evidence", state.sealed_details))
    except BrokenContract:
        raise Impossible("details-unreadable") from None
    response, facts = await _stamped(running, bytes.fromhex(sealed.digest))
    # An attempt of its own, a name of its own: a late double never overwrites the token that was recorded.
    token = f"{exhibit}.{attempt.number}.tsr"
    await running.objects.put(token, seal_chunks(_one(response), recipient))
    return (
        TimestampObtained(
            case=attempt.case,
            exhibit=exhibit,
            gen_time=facts.gen_time,
            authority=facts.authority[:200],
            policy=facts.policy,
            qualification=facts.qualified,
            token=token,
        ),
    )


def _no_timestamp(attempt: Attempt, reason: str) -> Command:
    return TimestampImpossible(case=attempt.case, exhibit=attempt.subject, reason=reason)


async def _stamped(running: Running, digest: bytes) -> tuple[bytes, timestamps.TimestampFacts]:
    """The first authority's token that holds, in the order of the settings."""
    settings = running.settings
    if not settings.tsa or settings.tsa_chain is None:
        raise Unavailable("No timestamp authority is configured: set RECOURS_TSA and RECOURS_TSA_CHAIN.")
    chain = await asyncio.to_thread(_read, settings.tsa_chain)
    refusals = []
    for url in settings.tsa:
        try:
            async with asyncio.timeout(AUTHORITY_SECONDS):
                token = await timestamps.fetch(running.http, url, digest)
            facts = await asyncio.to_thread(
                timestamps.verify,
                token.response,
                digest,
                chain,
                nonce=token.nonce,
                declared_not_qualified=running.settings.tsa_not_qualified,
                now=clock.now(),
            )
        except (Unavailable, timestamps.TimestampRejected) as error:
            refusals.append(error.code)
        except TimeoutError:
            refusals.append("too-slow")
        else:
            return token.response, facts
    raise Unavailable(f"No timestamp authority gave a usable token ({', '.join(refusals)}).", retry_after=30)


async def delete_objects(attempt: Attempt, running: Running) -> tuple[Command, ...]:
    """The bytes of an exhibit that is gone, and every token of it."""
    exhibit = str(attempt.payload["exhibit"])
    await everything_of(running.objects, exhibit)
    return (ObjectsDeleted(case=attempt.case, exhibit=exhibit),)


def _still_there(attempt: Attempt, _reason: str) -> Command:
    return ObjectsDeleted(case=attempt.case, exhibit=str(attempt.payload["exhibit"]))


async def clear_exhibits(attempt: Attempt, running: Running) -> tuple[Command, ...]:
    """Forget every exhibit of the case, then delete its bytes: a repeat goes on where the last one stopped.

    Raises Postponed while a lawful hold stands.
    """
    case: CaseState = await running.load("case", attempt.case)
    if case.held:
        raise Postponed(clock.now() + HOLD_LOOK)
    children: list[tuple[str, ExhibitState]] = await running.children("exhibit", attempt.case)
    exhibits = [key for key, state in children if state.received]
    for at in range(0, len(exhibits), AT_ONCE):
        chunk = exhibits[at : at + AT_ONCE]
        for exhibit in chunk:
            await _forget(attempt, running, exhibit)
        async with asyncio.TaskGroup() as group:
            for exhibit in chunk:
                group.create_task(everything_of(running.objects, exhibit))
    return (CaseCleared(case=attempt.case, erasure=attempt.subject, tombstones=len(exhibits)),)


async def _forget(attempt: Attempt, running: Running, exhibit: str) -> None:
    try:
        await running.carry_out(ForgetExhibit(case=attempt.case, exhibit=exhibit), cause=attempt.id)
    except Refused:
        # A hold came in between: nothing more goes until it is lifted.
        raise Postponed(clock.now() + HOLD_LOOK) from None


def _not_cleared(attempt: Attempt, _reason: str) -> Command:
    return ClearingFailed(case=attempt.case, erasure=attempt.subject)


async def deleted_again(fact: Recorded, running: Running) -> str:
    """The bytes of an exhibit taken back or forgotten that a restored bucket holds again, deleted again."""
    if not isinstance(fact.event, EvidenceWithdrawn) or not await running.objects.names(fact.event.exhibit):
        return ""
    await everything_of(running.objects, fact.event.exhibit)
    return "bytes-of-withdrawn-exhibit"


async def everything_of(objects: Objects, exhibit: str) -> None:
    """Delete the exhibit's bytes and its tokens, recorded or left over."""
    for name in (exhibit, *await objects.names(f"{exhibit}.")):
        await objects.delete(name)


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"The chain of the timestamp authority cannot be read ({type(error).__name__}): set RECOURS_TSA_CHAIN."
        ) from error


WORKERS: Final = (
    Worker(
        kind="timestamp",
        run=timestamp,
        given_up=_no_timestamp,
        policy="at-least-once",
        attempts=FOR_EVER,
        lease=timedelta(minutes=3),
    ),
    Worker(
        kind="delete-objects",
        run=delete_objects,
        given_up=_still_there,
        policy="idempotent",
        attempts=FOR_EVER,
    ),
    Worker(
        kind="clear-exhibits",
        run=clear_exhibits,
        given_up=_not_cleared,
        policy="idempotent",
        attempts=200,
        lease=timedelta(minutes=15),
    ),
)

LASTING: Final = (Lasting("objects", (EvidenceWithdrawn,), deleted_again),)
"""A forgotten case has had each of its exhibits withdrawn."""
