"""The declaration of legal."""

from __future__ import annotations

from services.legal.api import routes
from services.legal.domain import case, folder
from services.legal.domain.complaint import from_authority
from services.legal.domain.hearings import from_court
from services.legal.domain.requests import from_platform
from services.legal.workers import WORKERS
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
    routes=routes,
)
