"""Facts and commands of one case, short to write."""

from __future__ import annotations

from datetime import date, timedelta

from services.billing.domain.commands import (
    ChooseFunding,
    DecideCover,
    NoteRefund,
    ReceivePayment,
    ReceiveTransfer,
    RecordRecovery,
)
from services.billing.domain.register import IssueInvoice
from services.billing.domain.standing import insurer_payment, person_payment
from services.billing.service import service
from shared.contracts.billing import InvoiceIssued
from shared.contracts.intake import AccessGranted, CaseErased, CaseOpened, CaseUpdated, ErasurePlanned, Facets
from shared.contracts.legal import CaseDiagnosed, ComplaintApproved, ComplaintFiled, JudgmentGiven, Limit
from shared.money import Money
from shared.trust.sealing import new_identity, seal
from tests.given import CASE, NOON, Given

IDENTITY = new_identity()
SEALED = seal("x", IDENTITY.recipient)
DIGEST = "a" * 64
PAYMENT = person_payment(CASE)
INSURER_PAYMENT = insurer_payment(CASE)
LONG_AGO = date(2020, 1, 1)
FEE = Money(cents=8000)
OPENED = CaseOpened(
    facets=Facets(persona="victim"),
    locator="0" * 64,
    recipients=dict.fromkeys(("contact", "account", "evidence", "authors"), IDENTITY.recipient),
    sealed_contact=SEALED,
)
MINOR = CaseUpdated(facets=Facets(persona="victim", minor=True), sealed_contact=SEALED)
APPROVED = ComplaintApproved(complaint="c1", draft=1, procedure="simple", commitment=DIGEST, approved_by="lawyer-1")
FILED = ComplaintFiled(
    complaint="c1", draft=1, procedure="simple", mode="electronic", day=date(2026, 11, 20), sealed_receipt=SEALED
)
PLANNED = ErasurePlanned(erasure="e1")
ERASED = CaseErased(erasure="e1", certificate=DIGEST)
FROZEN = AccessGranted(access="a1", role="guardian", holder="h1", status="frozen")
ELIGIBLE = CaseDiagnosed(
    diagnosis="d0",
    eligible=True,
    offences=(),
    limits=(),
    feasibility=(),
    solidity="A",
    options=(),
    approved_by="lawyer-1",
)
BARRED = ELIGIBLE.model_copy(update={"diagnosis": "d1", "eligible": False, "reasons": ("time-barred",)})


def limit(last_day):
    return Limit(act="act-1", last_day=last_day, rules=(), confidence="sourced")


def judged(judgment="j1", costs=150_000, sealed=SEALED):
    return JudgmentGiven(
        judgment=judgment,
        hearing="h1",
        outcome="convicted",
        day=date(2026, 11, 1),
        costs=Money(cents=costs),
        sealed_damages=sealed,
    )


def invoiced(payment=PAYMENT, number="2026-000001", invoice="i1"):
    return InvoiceIssued(
        invoice=invoice,
        number=number,
        payment=payment,
        amount=FEE,
        day=date(2026, 11, 23),
        commitment=DIGEST,
        sealed_digest=SEALED,
    )


def choose(choice, **more):
    return ChooseFunding(**{"case": CASE, "role": "victim", "choice": choice, **more})


def insurer(cover="cover-1", **more):
    asked = {"insurer": "maif", "cover": cover, "sealed_policy": SEALED, "consent_shown_recipient": True}
    return choose("insurer", **{**asked, **more})


def answer(decision="accepted", cover="cover-1", insurer="maif", ceiling=None):
    return DecideCover(case=CASE, cover=cover, insurer=insurer, decision=decision, ceiling=ceiling)


def paid(reference="pi_1", payment=PAYMENT, cents=8000, currency="EUR"):
    return ReceivePayment(case=CASE, payment=payment, cents=cents, currency=currency, reference=reference)


def transferred(reference="bank-1", cents=8000):
    return ReceiveTransfer(case=CASE, cents=cents, reference=reference)


def refunded(refund, reason="cover-accepted"):
    return NoteRefund(case=CASE, refund=refund, reason=reason)


def recovery(recovery="r1", judgment="j1", cents=50_000):
    return RecordRecovery(case=CASE, recovery=recovery, judgment=judgment, cents=cents)


def issue(invoice="i1", number="2026-000001", day=date(2026, 11, 23), payment="p1"):
    return IssueInvoice(
        case=CASE,
        invoice=invoice,
        payment=payment,
        number=number,
        amount=FEE,
        day=day,
        commitment=DIGEST,
        sealed_digest=SEALED,
    )


def account(*facts):
    """An account that knows an opened case and ``facts``."""
    given = Given(service, "case").facts(OPENED, *facts)
    given.at(NOON)
    return given


def billed(*facts):
    """An account whose person chose to pay and was asked to."""
    given = account(APPROVED, *facts)
    given.when(choose("person"))
    return given


def names(events):
    return [event.name for event in events]


def later(days):
    return NOON + timedelta(days=days)
