"""The account of a case: what is known of its money, folded from facts in any order.

Followed facts are kept by their own id or win by their source's sequence; own events fold in sequence and touch no
field that a followed fact writes. Once the case is erased nothing sealed stays, whatever comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.billing.domain.terms import TIME_BARRED
from shared.casefile import CaseFile
from shared.clock import paris_day
from shared.contracts.billing import (
    CostsRecovered,
    CoverAsked,
    CoverDecided,
    FundingChosen,
    InvoiceIssued,
    Payer,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
)
from shared.contracts.everyone import ErasureCleared
from shared.contracts.intake import CaseOpened, CaseUpdated
from shared.contracts.legal import CaseDiagnosed, ComplaintApproved, ComplaintFiled, JudgmentGiven
from shared.ids import derived
from shared.runtime.declaration import Recorded, State
from shared.runtime.latest import Latest

Choice = Literal["insurer", "legal-aid", "person"]
Decision = Literal["accepted", "refused", "no-answer"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cover(_Part):
    """An insurer that was asked; ``sealed_policy`` (purpose contact) goes at erasure."""

    insurer: str
    asked: datetime
    sealed_policy: str | None
    decision: Decision | None = None
    ceiling: int | None = None


class Request(_Part):
    """An amount (cents) that was asked of a payer, once."""

    payer: Payer
    cents: int


class Receipt(_Part):
    """Money that came in. ``order`` counts the receipts of one payment from 1: only the first is kept.

    ``late``: it came after billing had cleared the case for erasure.
    """

    payment: str
    payer: Payer
    cents: int
    reference: str
    time: datetime
    order: int
    late: bool


class Refund(_Part):
    payment: str
    cents: int
    reason: str


class Judgment(_Part):
    """``costs``: cents awarded to the person. ``sealed_damages`` is a memo (purpose contact), in no balance."""

    costs: int
    sealed_damages: str | None


class Recovery(_Part):
    judgment: str
    cents: int


class Invoice(_Part):
    id: str
    number: str
    cents: int
    day: date
    commitment: str
    sealed_digest: str | None


class Account(State):
    """``approved`` and ``barred`` keep, per source aggregate, the first approval and the last diagnosis that says
    time-barred, as sequences of that source: within one source they say which came after which.

    ``receipts`` and ``refunds`` share their keys: the refund's id, derived from the provider's reference.
    """

    case: str = ""
    file: CaseFile = CaseFile()
    contact: Latest[str] = Latest[str]()
    diagnosed: bool = False
    approved: dict[str, int] = Field(default_factory=dict)
    barred: dict[str, int] = Field(default_factory=dict)
    filed: frozenset[str] = frozenset()
    judgments: dict[str, Latest[Judgment]] = Field(default_factory=dict)
    invoices: dict[str, Invoice] = Field(default_factory=dict)

    funding: Choice | None = None
    aided: bool = False
    covers: dict[str, Cover] = Field(default_factory=dict)
    cover: str | None = None
    requests: dict[str, Request] = Field(default_factory=dict)
    receipts: dict[str, Receipt] = Field(default_factory=dict)
    refunds: dict[str, Refund] = Field(default_factory=dict)
    recoveries: dict[str, Recovery] = Field(default_factory=dict)
    cleared: frozenset[str] = frozenset()


def refund_id(reference: str) -> str:
    """The id of the one refund that a receipt can have, from the provider's reference of the receipt."""
    return derived("refund", reference)


def evolve(state: Account, fact: Recorded) -> Account:
    """The account with one more fact, in whatever order followed facts come."""
    known = state.model_copy(update={"case": fact.case, "file": state.file.fold(fact)})
    changed = known.model_copy(update=_change(known, fact))
    return _forgotten(changed) if changed.file.erased else changed


def _change(state: Account, fact: Recorded) -> dict[str, object]:
    match fact.event:
        case CaseOpened(sealed_contact=str() as sealed) | CaseUpdated(sealed_contact=str() as sealed):
            return {"contact": state.contact.offer(fact.sequence, sealed)}
        case CaseDiagnosed() as event:
            barred = _says_barred(event, fact.time)
            return {"diagnosed": True, **({"barred": _kept(state.barred, fact, max)} if barred else {})}
        case ComplaintApproved():
            return {"approved": _kept(state.approved, fact, min)}
        case ComplaintFiled(complaint=complaint):
            return {"filed": state.filed | {complaint}}
        case JudgmentGiven() as event:
            given = Judgment(costs=event.costs.cents, sealed_damages=event.sealed_damages)
            offered = state.judgments.get(event.judgment, Latest[Judgment]()).offer(fact.sequence, given)
            return {"judgments": _put(state.judgments, event.judgment, offered)}
        case InvoiceIssued() as event:
            return {"invoices": _put(state.invoices, event.payment, _first(state.invoices.get(event.payment), event))}
        case _:
            return _own_change(state, fact)


def _own_change(state: Account, fact: Recorded) -> dict[str, object]:
    match fact.event:
        case FundingChosen(choice=choice):
            return {"funding": choice, "aided": state.aided or choice == "legal-aid"}
        case CoverAsked() as event:
            asked = Cover(insurer=event.insurer, asked=fact.time, sealed_policy=event.sealed_policy)
            return {"covers": _put(state.covers, event.cover, asked), "cover": event.cover}
        case CoverDecided() as event:
            ceiling = None if event.ceiling is None else event.ceiling.cents
            decided = state.covers[event.cover].model_copy(update={"decision": event.decision, "ceiling": ceiling})
            return {"covers": _put(state.covers, event.cover, decided)}
        case PaymentRequested() as event:
            request = Request(payer=event.payer, cents=event.amount.cents)
            return {"requests": _put(state.requests, event.payment, request)}
        case PaymentReceived() as event:
            receipt = Receipt(
                payment=event.payment,
                payer=event.payer,
                cents=event.amount.cents,
                reference=event.provider_reference,
                time=fact.time,
                order=1 + sum(one.payment == event.payment for one in state.receipts.values()),
                late=bool(state.cleared),
            )
            return {"receipts": _put(state.receipts, refund_id(event.provider_reference), receipt)}
        case PaymentRefunded() as event:
            refund = Refund(payment=event.payment, cents=event.amount.cents, reason=event.reason)
            return {"refunds": _put(state.refunds, event.refund, refund)}
        case CostsRecovered() as event:
            recovery = Recovery(judgment=event.judgment, cents=event.amount.cents)
            return {"recoveries": _put(state.recoveries, event.recovery, recovery)}
        case ErasureCleared(erasure=erasure):
            return {"cleared": state.cleared | {erasure}}
        case _:
            return {}


_T = TypeVar("_T")


def _put(known: Mapping[str, _T], key: str, value: _T) -> dict[str, _T]:
    return {**known, key: value}


def _kept(known: Mapping[str, int], fact: Recorded, which: Callable[[int, int], int]) -> dict[str, int]:
    return _put(known, fact.aggregate, which(known.get(fact.aggregate, fact.sequence), fact.sequence))


def _says_barred(event: CaseDiagnosed, time: datetime) -> bool:
    over = bool(event.limits) and all(limit.last_day < paris_day(time) for limit in event.limits)
    return not event.eligible and (over or TIME_BARRED in event.reasons)


def _first(known: Invoice | None, event: InvoiceIssued) -> Invoice:
    # The lowest number stays, so that even two invoices of one payment would fold alike in any order.
    if known is not None and known.number <= event.number:
        return known
    return Invoice(
        id=event.invoice,
        number=event.number,
        cents=event.amount.cents,
        day=event.day,
        commitment=event.commitment,
        sealed_digest=event.sealed_digest,
    )


def _forgotten(state: Account) -> Account:
    judgments = {
        key: latest.model_copy(
            update={"value": latest.value and latest.value.model_copy(update={"sealed_damages": None})}
        )
        for key, latest in state.judgments.items()
    }
    return state.model_copy(
        update={
            "contact": Latest[str](),
            "covers": {key: one.model_copy(update={"sealed_policy": None}) for key, one in state.covers.items()},
            "judgments": judgments,
            "invoices": {key: one.model_copy(update={"sealed_digest": None}) for key, one in state.invoices.items()},
        }
    )
