"""Intake's declaration: two aggregates of each case, what they publish and follow, one job, what lasts, the routes."""

from __future__ import annotations

from services.intake import api, workers
from services.intake.domain import case, ledger
from services.intake.roster import OnCall
from shared.casefile import CASE_EVENTS
from shared.contracts.billing import PaymentReceived
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.intake import CaseErased, CaseOpened
from shared.contracts.legal import (
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintDrafted,
    ComplaintFiled,
    DeadlineThreatened,
    HearingScheduled,
    HoldLifted,
    HoldPlaced,
    JudgmentGiven,
    LimitationComputed,
)
from shared.runtime.declaration import Aggregate, Lasting, Service, Worker

service = Service(
    name="intake",
    aggregates=(
        Aggregate(
            "case",
            case.Case,
            case.decide,
            case.evolve,
            case.react,
            case.wake,
            route=case.route,
            references=case.references,
        ),
        Aggregate("ledger", ledger.Ledger, ledger.decide, ledger.evolve, route=ledger.route),
    ),
    publishes=(*CASE_EVENTS, RecordViewed),
    follows=(
        ErasureCleared,
        ErasureObjected,
        RecordViewed,
        HoldPlaced,
        HoldLifted,
        DeadlineThreatened,
        LimitationComputed,
        CaseDiagnosed,
        ComplaintDrafted,
        ComplaintApproved,
        ComplaintFiled,
        ComplaintAnswered,
        HearingScheduled,
        JudgmentGiven,
        PaymentReceived,
    ),
    workers=(
        Worker("destroy-keys", workers.destroy_keys, workers.destruction_failed, policy="idempotent", attempts=200),
    ),
    lasting=(
        Lasting("keyring", (CaseErased,), workers.destroyed_again, before_serving=True),
        Lasting("keyring", (CaseOpened,), workers.keys_lost),
    ),
    tools=api.tools,
    routes=api.routes,
    settings=(OnCall,),
)
