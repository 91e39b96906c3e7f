"""The declaration of billing: what it owns, follows and accepts, and who does its jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.billing import workers
from services.billing.api import routes
from services.billing.domain import account, decisions, reactions, register
from services.billing.domain.commands import DecideCover
from services.billing.payments import provider
from services.billing.seller import Seller
from shared.casefile import CASE_EVENTS
from shared.contracts.billing import (
    CostsRecovered,
    CoverAsked,
    CoverDecided,
    FundingChosen,
    InvoiceIssued,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
)
from shared.contracts.everyone import ErasureCleared, RecordViewed
from shared.contracts.legal import CaseDiagnosed, ComplaintApproved, ComplaintFiled, JudgmentGiven
from shared.contracts.partners import Cover
from shared.runtime.declaration import Acceptance, Aggregate, Service, nowhere


def _answered(message: Any, case: str, _now: datetime) -> DecideCover:
    return DecideCover(
        case=case,
        cover=message.cover,
        insurer=message.partner,
        decision=message.decision,
        ceiling=message.ceiling,
    )


service = Service(
    name="billing",
    aggregates=(
        Aggregate(
            "case",
            account.Account,
            decisions.decide,
            account.evolve,
            reactions.react,
            reactions.wake,
            references=reactions.references,
        ),
        Aggregate("register", register.Register, register.decide, register.evolve, route=nowhere, per_case=False),
    ),
    publishes=(
        FundingChosen,
        CoverAsked,
        CoverDecided,
        PaymentRequested,
        PaymentReceived,
        PaymentRefunded,
        CostsRecovered,
        InvoiceIssued,
        ErasureCleared,
        RecordViewed,
    ),
    # An invoice is issued by the year's register; the account learns its number over the bus, like any follower.
    follows=(*CASE_EVENTS, CaseDiagnosed, ComplaintApproved, ComplaintFiled, JudgmentGiven, InvoiceIssued),
    accepts=(Acceptance(Cover, _answered, confirmed=True),),
    workers=(workers.REFUND, workers.ISSUE_INVOICE),
    tools=provider,
    routes=routes,
    settings=(Seller,),
)
