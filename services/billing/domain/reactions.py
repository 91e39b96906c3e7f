"""What the facts of an account warrant: the insurer's silence, the one request, refunds, invoices, clearing.

Reactions stand on facts that are there. The one absence that counts, an insurer's answer, is judged by a wake, and
the answer is an own event, so none can be on its way unseen.

Nothing here, and nothing that billing publishes, says that a complaint may or may not be filed: a deadline that is
near never waits for money. ``payment-requested`` is an invitation; it is void (``standing.due``) as soon as an insurer
accepts, the complaint is out of time or the case is to be forgotten, in whatever order these become known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.billing.domain.account import Account
from services.billing.domain.standing import (
    approved,
    barred,
    covered,
    ending,
    insurer_payment,
    moving,
    owed,
    person_bears,
    person_payment,
    to_invoice,
)
from services.billing.domain.terms import COMPLAINT_FEE, COVER_ANSWER
from shared.clock import paris_day
from shared.contracts.billing import CoverDecided, PaymentRequested
from shared.contracts.event import Event
from shared.contracts.everyone import ErasureCleared
from shared.money import Money
from shared.runtime.declaration import Job


def react(state: Account, now: datetime) -> Iterable[Event | Job]:
    """Events and jobs due at ``now``; a job is asked for until its result is a fact."""
    return (*_silence(state, now), *_requests(state), *_refunds(state), *_invoices(state), *_clearing(state))


def wake(state: Account) -> datetime | None:
    """When the next insurer's silence counts as an answer."""
    if ending(state):
        return None
    return min((cover.asked + COVER_ANSWER for cover in state.covers.values() if cover.decision is None), default=None)


def references(state: Account) -> Iterable[str]:
    """How the outside finds the case: the payments asked for, the covers asked."""
    return (*(f"payment:{payment}" for payment in state.requests), *(f"partner:{cover}" for cover in state.covers))


def _silence(state: Account, now: datetime) -> Iterator[Event]:
    if ending(state):
        return
    for cover_id, cover in sorted(state.covers.items()):
        if cover.decision is None and cover.asked + COVER_ANSWER <= now:
            yield CoverDecided(cover=cover_id, decision="no-answer")


def _requests(state: Account) -> Iterator[Event]:
    if not approved(state) or barred(state) or ending(state):
        return
    payment = insurer_payment(state.case)
    if covered(state):
        cents = _insured(state)
        if payment not in state.requests and cents:
            amount = Money(cents=cents)
            yield PaymentRequested(payment=payment, amount=amount, payer="insurer", purpose="complaint")
        return
    payment = person_payment(state.case)
    if payment not in state.requests and person_bears(state):
        yield PaymentRequested(payment=payment, amount=COMPLAINT_FEE, payer="person", purpose="complaint")


def _insured(state: Account) -> int:
    """Cents asked of the insurer: the fee, or the most that it bears; the rest is asked of nobody."""
    ceilings = [
        COMPLAINT_FEE.cents if cover.ceiling is None else cover.ceiling
        for cover in state.covers.values()
        if cover.decision == "accepted"
    ]
    return min(COMPLAINT_FEE.cents, *ceilings)


def _refunds(state: Account) -> Iterator[Job]:
    for one in owed(state):
        payload = {"reference": one.reference, "cents": one.cents, "reason": one.reason}
        yield Job(kind="refund", subject=one.refund, payload=payload)


def _invoices(state: Account) -> Iterator[Job]:
    # An erased case was cleared, hence invoiced; its register's event may still be on the way.
    if state.file.erased:
        return
    for receipt in to_invoice(state):
        payload = {
            "cents": receipt.cents,
            "payer": receipt.payer,
            "received": receipt.time.isoformat(),
            "day": paris_day(receipt.time).isoformat(),
        }
        yield Job(kind="issue-invoice", subject=receipt.payment, payload=payload)


def _clearing(state: Account) -> Iterator[Event]:
    if moving(state):
        return
    invoiced = {receipt.payment for receipt in state.receipts.values()} & set(state.invoices)
    # Invoices are kept for ten years (C. com. L123-22), their documents too; figures in cents say nothing of anybody.
    kept = {"invoices": len(invoiced)} if invoiced else {}
    for erasure in sorted(set(state.file.erasures) - state.cleared):
        yield ErasureCleared(erasure=erasure, kept=kept)
