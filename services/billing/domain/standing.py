"""What the facts of an account mean: who bears the complaint, what the person owes, what is owed back to them.

Every condition that leads to something irrevocable (a refund) only ever turns from false to true as facts come, so
that it does not matter in which order they do. What can turn back (``due``) leads to nothing but a sum on a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.billing.domain.account import Account, Receipt
from shared.ids import derived

Status = Literal[
    "free",
    "choose-funding",
    "cover-pending",
    "ready",
    "payment-due",
    "paid",
    "covered",
    "legal-aid",
    "refund-pending",
    "refunded",
    "not-billed",
]


@dataclass(frozen=True, slots=True)
class Owed:
    """A refund that is due and not yet done: ``cents`` of the receipt that the provider knows by ``reference``."""

    refund: str
    payment: str
    reference: str
    cents: int
    reason: Literal["case-ending", "paid-twice", "cover-accepted", "time-barred"]


def approved(state: Account) -> bool:
    """A lawyer approved a complaint of the case."""
    return bool(state.approved)


def covered(state: Account) -> bool:
    """An insurer said yes. It is final: decisions refuse to take it back."""
    return any(cover.decision == "accepted" for cover in state.covers.values())


def barred(state: Account) -> bool:
    """A lawyer said that the complaint is out of time, after having approved one.

    Told by the sequence of one source: a diagnosis made before the approval says nothing of it. Whatever is diagnosed
    later, the word stands in the person's favour.
    """
    return any(state.barred.get(source, 0) > first for source, first in state.approved.items())


def ending(state: Account) -> bool:
    """The person, the team or a retention limit asked that the case be forgotten: nothing more is billed."""
    return bool(state.file.erasures) or state.file.erased


def unsafe(state: Account) -> bool:
    """Somebody's access to the case is frozen ("not safe with this person")."""
    frozen = (latest.value for latest in state.file.accesses.values())
    return any(access is not None and access.status == "frozen" for access in frozen)


def insurer_closed(state: Account) -> bool:
    """No insurer may be asked any more: its letters could reach the wrong hands, or legal aid was chosen.

    An account cannot tell a choice of legal aid from a "not safe" that led to it, so both close the insurer's way.
    """
    return state.aided or unsafe(state)


def person_bears(state: Account) -> bool:
    """The person chose to pay, or their insurer refused or kept silent."""
    match state.funding:
        case "person":
            return True
        case "insurer":
            return state.cover is not None and state.covers[state.cover].decision in {"refused", "no-answer"}
        case _:
            return False


def person_payment(case: str) -> str:
    """The id of the one payment that may ever be asked of the person in a case."""
    return derived("payment", case, "person")


def insurer_payment(case: str) -> str:
    """The id of the one payment that may be asked of an insurer in a case."""
    return derived("payment", case, "insurer")


def due(state: Account) -> int:
    """Cents that the person is asked for now. It gates nothing: an unpaid complaint is filed like any other."""
    payment = person_payment(state.case)
    if payment not in state.requests or covered(state) or barred(state) or ending(state) or not person_bears(state):
        return 0
    if any(receipt.payment == payment for receipt in state.receipts.values()):
        return 0
    return state.requests[payment].cents


def owed(state: Account) -> tuple[Owed, ...]:
    """The refunds still to be made to the person, in a fixed order."""
    return tuple(
        Owed(refund, receipt.payment, receipt.reference, receipt.cents, reason)
        for refund, receipt in sorted(state.receipts.items())
        if refund not in state.refunds and (reason := _refundable(state, receipt)) is not None
    )


def to_invoice(state: Account) -> tuple[Receipt, ...]:
    """The receipts that are kept and have no invoice yet, in a fixed order."""
    back = {one.refund for one in owed(state)} | set(state.refunds)
    return tuple(
        receipt
        for refund, receipt in sorted(state.receipts.items())
        if refund not in back and receipt.payment not in state.invoices
    )


def moving(state: Account) -> bool:
    """Money or its paper is still on the way: the case cannot be cleared for erasure yet."""
    return bool(owed(state) or to_invoice(state))


def kept_from_person(state: Account) -> int:
    """Cents that came from the person and were not given back."""
    receipts = state.receipts.items()
    return sum(one.cents for refund, one in receipts if one.payer == "person" and refund not in state.refunds)


def recovered(state: Account, judgment: str) -> int:
    """Cents that the convicted have paid of the costs of a judgment."""
    return sum(one.cents for one in state.recoveries.values() if one.judgment == judgment)


def awarded(state: Account, judgment: str) -> int | None:
    """Cents of costs that a judgment awarded to the person; None when no such judgment is known."""
    latest = state.judgments.get(judgment)
    return None if latest is None or latest.value is None else latest.value.costs


def status(state: Account) -> Status:
    """Where the money of the case stands, for the person: one word for one next thing."""
    if owed(state):
        return "refund-pending"
    if covered(state):
        return "covered"
    if any(receipt.payer == "person" for receipt in state.receipts.values()):
        return "paid" if kept_from_person(state) else "refunded"
    if ending(state) or barred(state):
        return "not-billed"
    if due(state):
        return "payment-due"
    match state.funding:
        case None:
            return "choose-funding" if state.diagnosed else "free"
        case "legal-aid":
            return "legal-aid"
        case _:
            return "ready" if person_bears(state) else "cover-pending"


def _refundable(
    state: Account, receipt: Receipt
) -> Literal["case-ending", "paid-twice", "cover-accepted", "time-barred"] | None:
    if receipt.payer != "person":
        return None
    if receipt.late:
        return "case-ending"
    if receipt.order > 1:
        return "paid-twice"
    if covered(state):
        return "cover-accepted"
    return "time-barred" if barred(state) else None
