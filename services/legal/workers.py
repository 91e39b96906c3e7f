"""The jobs of legal: typeset a draft, keep an authority's receipt, clear the documents of a case being forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final, TypeVar

from services.legal.documents import render_complaint_async
from services.legal.domain.case import Case
from services.legal.domain.complaint import (
    KEEP_RECEIPT,
    TYPESET,
    AbandonDraft,
    ReceiptKept,
    RecordDraft,
)
from services.legal.domain.diagnosis import proposal
from services.legal.domain.holding import CLEAR, ClearingFailed, DocumentsCleared
from services.legal.particulars import Particulars, Sources, complaint_file, listed, usable
from services.legal.rules.vocabulary import ComplaintFact, Procedure
from shared.clock import paris_day
from shared.contracts.intake import CaseErased
from shared.contracts.sealed import (
    ActsRead,
    Authors,
    Contact,
    DocumentDigest,
    ExhibitDetails,
    Facts,
    SealedValue,
    read_sealed,
)
from shared.errors import BrokenContract
from shared.logs import logger
from shared.runtime.declaration import Attempt, Command, Impossible, Lasting, Recorded, Worker
from shared.runtime.running import Running
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import commitment, new_salt, seal, seal_chunks

LOG: Final = logger(__name__)
CHUNK: Final = 256 * 1024
FOR_EVER: Final = 1_000_000
"""Attempts that no outage outlasts."""
_Opened = TypeVar("_Opened", bound=SealedValue)


async def typeset(attempt: Attempt, running: Running) -> tuple[Command, ...]:
    """The draft as PDF, sealed to the case under a name that its commitment gives.

    Repeated, it makes a document of its own name: a late double never replaces the one that was recorded.

    Raises:
        Impossible: the case is forgotten, or what was sealed does not make a document.
        Unavailable: the keyring or the object server is away: later.
    """
    asked = attempt.payload
    state: Case = await running.load("case", attempt.case)
    recipient = state.file.recipients.get("evidence")
    if recipient is None or state.forgetting:
        raise Impossible("case-forgotten")
    asked_at = datetime.fromisoformat(asked["asked_at"])
    try:
        told = Particulars.model_validate(
            await running.reveal(attempt.case, "evidence", str(asked["sealed_particulars"]))
        )
        sources = await gathered(running, attempt.case, state)
        file = complaint_file(
            state,
            told,
            sources,
            found=proposal(state, paris_day(asked_at)),
            complaint=str(asked["complaint"]),
            procedure=Procedure(asked["procedure"]),
            about=tuple(ComplaintFact(one) for one in asked["about"]),
            drawn_up=asked_at,
        )
        content = await render_complaint_async(file)
    except KeysDestroyed:
        raise Impossible("case-forgotten") from None
    except (BrokenContract, ValueError):
        raise Impossible("unreadable") from None
    salt, digest = new_salt(), hashlib.sha256(content).digest()
    committed = commitment(salt, digest)
    await running.objects.put(
        document_name(attempt.case, str(asked["complaint"]), committed), seal_chunks(pieces(content), recipient)
    )
    said = DocumentDigest(salt=salt.hex(), digest=digest.hex(), for_signature=told.signature is not None)
    return (
        RecordDraft(
            case=attempt.case,
            complaint=str(asked["complaint"]),
            draft=int(asked["draft"]),
            procedure=asked["procedure"],
            commitment=committed,
            sealed_digest=seal(said.content(), recipient),
            exhibits=listed(told, state, sources),
        ),
    )


def not_typeset(attempt: Attempt, reason: str) -> Command:
    """The job ends without a draft: no fact, and the same draft may be asked for again."""
    LOG.error("draft-not-typeset", reason=reason, case_id=attempt.case)
    return AbandonDraft(case=attempt.case, complaint=attempt.payload["complaint"], draft=attempt.payload["draft"])


async def gathered(running: Running, case: str, state: Case) -> Sources:
    """Everything that a draft quotes, opened. Raises BrokenContract, KeysDestroyed, Unavailable."""

    async def opened(model: type[_Opened], purpose: str, sealed: str) -> _Opened:
        return read_sealed(model, await running.reveal(case, purpose, sealed))

    async def told(model: type[_Opened], purpose: str, name: str) -> _Opened:
        sealed = state.secret(name)
        return model() if sealed is None else await opened(model, purpose, sealed)

    details, stamps, read = {}, {}, {}
    folders = sorted(await running.children("folder", case))
    exhibits = usable(state, folders)
    for name, exhibit in exhibits.items():
        details[name] = await opened(ExhibitDetails, "evidence", exhibit.sealed)
    for _, folder in folders:
        stamps.update(folder.stamps)
        for _, sealed_acts in sorted(folder.read.items()):
            if sealed_acts.value is not None:
                found = await opened(ActsRead, "evidence", sealed_acts.value)
                read.update({one.act: one for one in found.acts})
    return Sources(
        contact=await told(Contact, "contact", "contact"),
        facts=await told(Facts, "evidence", "facts"),
        authors=await told(Authors, "authors", "authors"),
        exhibits=exhibits,
        details=details,
        stamps=stamps,
        read=read,
    )


async def keep_receipt(attempt: Attempt, running: Running) -> tuple[Command, ...]:
    """An authority's receipt, stored as it came: sealed to the case."""
    name = receipt_name(attempt.case, str(attempt.payload["complaint"]), attempt.subject)
    await running.objects.put(name, pieces(str(attempt.payload["sealed_receipt"]).encode()))
    return (ReceiptKept(case=attempt.case, answer_id=attempt.subject),)


def receipt_not_kept(attempt: Attempt, _reason: str) -> Command:
    return ReceiptKept(case=attempt.case, answer_id=attempt.subject)


async def clear(attempt: Attempt, running: Running) -> tuple[Command, ...]:
    """Delete every document of the case, recorded or left over; none where another service objected first."""
    state: Case = await running.load("case", attempt.case)
    if attempt.subject in state.objected:
        return (ClearingFailed(case=attempt.case, erasure=attempt.subject, reason="objected-elsewhere"),)
    await _delete_documents(attempt.case, running)
    return (DocumentsCleared(case=attempt.case, erasure=attempt.subject),)


def not_cleared(attempt: Attempt, _reason: str) -> Command:
    return ClearingFailed(case=attempt.case, erasure=attempt.subject)


async def deleted_again(fact: Recorded, running: Running) -> str:
    """The documents of an erased case that a restored bucket holds again, deleted again."""
    return "documents-of-erased-case" if await _delete_documents(fact.case, running) else ""


async def _delete_documents(case: str, running: Running) -> int:
    names = await running.objects.names(f"{case}.")
    for name in names:
        await running.objects.delete(name)
    return len(names)


def document_name(case: str, complaint: str, committed: str) -> str:
    """The object that holds the draft of that commitment."""
    return f"{case}.{complaint}.{committed[:32]}"


def receipt_name(case: str, complaint: str, answer: str) -> str:
    """The object that holds the receipt an authority sent with that answer."""
    return f"{case}.{complaint}.{hashlib.sha256(answer.encode()).hexdigest()[:32]}.receipt"


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


WORKERS: Final = (
    Worker(TYPESET, typeset, not_typeset, "idempotent", attempts=FOR_EVER, lease=timedelta(seconds=120)),
    Worker(KEEP_RECEIPT, keep_receipt, receipt_not_kept, "idempotent", attempts=FOR_EVER),
    Worker(CLEAR, clear, not_cleared, "idempotent", attempts=200),
)
LASTING: Final = (Lasting("objects", (CaseErased,), deleted_again),)
