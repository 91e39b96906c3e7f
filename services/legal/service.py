"""The declaration of legal."""

from __future__ import annotations

from fastapi import APIRouter

from services.legal import api, pages
from services.legal.domain import case, folder
from services.legal.domain.complaint import from_authority
from services.legal.domain.hearings import from_court
from services.legal.domain.requests import from_platform
from services.legal.workers import LASTING, WORKERS
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.legal import (
    AuthorIdentified,
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintDrafted,
    ComplaintFiled,
    DeadlineThreatened,
    HearingScheduled,
    HoldLifted,
    HoldPlaced,
    IdentificationRequested,
    JudgmentGiven,
    LimitationComputed,
    PreservationAnswered,
    PreservationRequested,
    RemovalAnswered,
    RemovalRequested,
)
from shared.contracts.partners import CourtNotice, FilingReceipt, Preservation
from shared.runtime.declaration import Acceptance, Aggregate, Service
from shared.runtime.running import Running


def _routes(running: Running) -> APIRouter:
    router = api.routes(running)
    router.include_router(pages.routes(running))
    return router


service = Service(
    name="legal",
    aggregates=(
        Aggregate("case", case.Case, case.decide, case.evolve, case.react, case.wake, references=case.references),
        Aggregate("folder", folder.Folder, folder.decide, folder.evolve, route=folder.route),
    ),
    publishes=(
        LimitationComputed,
        DeadlineThreatened,
        HoldPlaced,
        HoldLifted,
        CaseDiagnosed,
        ComplaintDrafted,
        ComplaintApproved,
        ComplaintFiled,
        ComplaintAnswered,
        RemovalRequested,
        RemovalAnswered,
        PreservationRequested,
        PreservationAnswered,
        IdentificationRequested,
        AuthorIdentified,
        HearingScheduled,
        JudgmentGiven,
        RecordViewed,
        ErasureCleared,
        ErasureObjected,
    ),
    follows=case.FOLLOWED,
    accepts=(
        Acceptance(FilingReceipt, from_authority),
        Acceptance(CourtNotice, from_court, confirmed=True),
        Acceptance(Preservation, from_platform),
    ),
    workers=WORKERS,
    lasting=LASTING,
    routes=_routes,
)
