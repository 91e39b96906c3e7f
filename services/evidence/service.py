"""The declaration of evidence."""

from __future__ import annotations

from services.evidence.api import routes
from services.evidence.domain import case, exhibit
from services.evidence.receiving import Limits, Reception
from services.evidence.workers import LASTING, WORKERS
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.evidence import EvidenceRefused, EvidenceTimestamped, EvidenceUploaded, EvidenceWithdrawn
from shared.runtime.declaration import Aggregate, Service, nowhere
from shared.settings import read_as

service = Service(
    name="evidence",
    aggregates=(
        Aggregate("case", case.CaseState, case.decide, case.evolve, case.react),
        Aggregate(
            "exhibit",
            exhibit.ExhibitState,
            exhibit.decide,
            exhibit.evolve,
            exhibit.react,
            route=nowhere,
            parent="case",
        ),
    ),
    publishes=(
        EvidenceUploaded,
        EvidenceTimestamped,
        EvidenceRefused,
        EvidenceWithdrawn,
        RecordViewed,
        ErasureCleared,
        ErasureObjected,
    ),
    follows=case.FOLLOWED,
    workers=WORKERS,
    lasting=LASTING,
    tools=lambda _running: Reception(read_as(Limits)),
    routes=routes,
    settings=(Limits,),
)
