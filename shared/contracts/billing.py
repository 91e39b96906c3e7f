"""Events of billing: cover, payments, refunds, recovered costs, invoices. Amounts in integer cents."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Commitment, Event, Id, Kind, Sealed, Service
from shared.money import Money

Payer = Literal["person", "insurer", "legal-aid", "convicted"]


class FundingChosen(Event):
    """How the person wants the complaint to be borne; ``insurer`` only on an explicit yes."""

    name: ClassVar[str] = "funding-chosen"
    owner: ClassVar[Service | None] = "billing"

    choice: Literal["insurer", "legal-aid", "person"]
    insurer: Id | None = None


class CoverAsked(Event):
    """The person's legal-protection insurer was asked, on the person's explicit yes."""

    name: ClassVar[str] = "cover-asked"
    owner: ClassVar[Service | None] = "billing"

    cover: Id
    insurer: Id
    sealed_policy: Sealed


class CoverDecided(Event):
    name: ClassVar[str] = "cover-decided"
    owner: ClassVar[Service | None] = "billing"

    cover: Id
    decision: Literal["accepted", "refused", "no-answer"]
    ceiling: Money | None = None


class PaymentRequested(Event):
    name: ClassVar[str] = "payment-requested"
    owner: ClassVar[Service | None] = "billing"

    payment: Id
    amount: Money
    payer: Payer
    purpose: Literal["complaint", "deposit"]


class PaymentReceived(Event):
    name: ClassVar[str] = "payment-received"
    owner: ClassVar[Service | None] = "billing"
    signed_before_fold: ClassVar[bool] = True

    payment: Id
    amount: Money
    payer: Payer
    provider_reference: Id


class PaymentRefunded(Event):
    name: ClassVar[str] = "payment-refunded"
    owner: ClassVar[Service | None] = "billing"

    refund: Id
    payment: Id
    amount: Money
    reason: Kind


class CostsRecovered(Event):
    """The convicted paid the costs awarded by a judgment, or part of them."""

    name: ClassVar[str] = "costs-recovered"
    owner: ClassVar[Service | None] = "billing"

    recovery: Id
    judgment: Id
    amount: Money


class InvoiceIssued(Event):
    """``number``: gap-free per year, e.g. ``2026-000017``; the document's digest is committed."""

    name: ClassVar[str] = "invoice-issued"
    owner: ClassVar[Service | None] = "billing"

    invoice: Id
    number: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{6}$")]
    payment: Id
    amount: Money
    day: date
    commitment: Commitment
    sealed_digest: Sealed
