"""What partners publish on the inbound topics, as the payload of a compact JWS (EdDSA) by their registered key.

Every message carries ``id`` (the partner's own, unique per message) and how the case is found: the case id where the
partner has it, else a reference that recours gave it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.event import Id, Sealed
from shared.money import Money


class PartnerMessage(BaseModel):
    """``topic`` is the inbound topic; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: ClassVar[str]

    id: Id
    partner: Id
    case: Id | None = None
    reference: Id | None = None


class Referral(PartnerMessage):
    """An association sends somebody. ``sealed_contact``: to the intake's referral key."""

    topic: ClassVar[str] = "partner.referral"

    persona: Literal["victim", "witness", "guardian", "institution"]
    sealed_contact: Sealed


class Cover(PartnerMessage):
    """An insurer answers whether it bears the costs."""

    topic: ClassVar[str] = "partner.cover"

    cover: Id
    decision: Literal["accepted", "refused"]
    ceiling: Money | None = None


class CourtNotice(PartnerMessage):
    """A court tells of a hearing; staff confirm it before it binds."""

    topic: ClassVar[str] = "partner.court-notice"

    kind: Literal["trial", "guilt", "sanction", "civil-interests", "appeal", "civil", "investigation"]
    status: Literal["scheduled", "moved", "cancelled", "held"]
    day: date
    sealed_details: Sealed


class FilingReceipt(PartnerMessage):
    """An authority acknowledges a filed complaint."""

    topic: ClassVar[str] = "partner.filing-receipt"

    complaint: Id
    day: date
    sealed_receipt: Sealed


class Preservation(PartnerMessage):
    """A platform answers a preservation request."""

    topic: ClassVar[str] = "partner.preservation"

    preservation: Id
    answer: Literal["acknowledged", "refused"]
    until: date | None = None


class Refusal(BaseModel):
    """Our answer on ``partner.refusals``: which message was refused and why; it changed nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: ClassVar[str] = "partner.refusals"

    partner: Id | None
    message: Id | None
    refused_topic: str
    code: Annotated[str, Field(pattern=r"^[a-z-]+$")]
    detail: str


MESSAGES: tuple[type[PartnerMessage], ...] = (Referral, Cover, CourtNotice, FilingReceipt, Preservation)
