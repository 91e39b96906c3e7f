"""Receipts that a person keeps: one signed receipt for each thing a service has recorded about the case.

A receipt names the event by its id, type, time and the SHA-256 of its signed bytes, so that it verifies offline with
``service-keys.json`` and is found again in the log: what was acknowledged cannot be denied or changed afterwards.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from shared import clock
from shared.contracts import envelope
from shared.contracts.envelope import Message
from shared.contracts.event import Id
from shared.contracts.intake import Role
from shared.trust.receipts import issue
from shared.trust.signing import SigningKey
from shared.web.access import seen
from shared.web.running import Running

HOLDERS: Final[tuple[Role, ...]] = ("victim", "guardian")


class Recorder(Running, Protocol):
    """A running service that can tell what it has recorded, and sign."""

    @property
    def signing(self) -> SigningKey: ...

    async def messages_of_case(self, case: str, /) -> list[Message]: ...


class Receipt(BaseModel):
    """``receipt``: compact JWS; the other fields say what it is for."""

    model_config = ConfigDict(frozen=True)

    event: str
    type: str
    time: str
    receipt: str


def routes(running: Recorder, prefix: str) -> APIRouter:
    """``GET <prefix>/cases/{case}/receipts``."""
    router = APIRouter(tags=["receipts"])

    @router.get(f"{prefix}/cases/{{case}}/receipts")
    async def receipts(request: Request, case: Id) -> list[Receipt]:
        """A receipt for each thing that this service has recorded about the case, oldest first."""
        await seen(running, request, case, roles=HOLDERS)
        return [_receipt(running, one) for one in await running.messages_of_case(case)]

    return router


def _receipt(running: Recorder, message: Message) -> Receipt:
    told = envelope.decode(message.headers)
    time = envelope.timestamp(told.time)
    claims = {
        "event": told.id,
        "type": told.type,
        "time": time,
        "case": told.subject,
        "sha256": hashlib.sha256(envelope.signed_bytes(message.headers, message.body)).hexdigest(),
    }
    return Receipt(event=told.id, type=told.type, time=time, receipt=issue(running.signing, claims, clock.now()))
