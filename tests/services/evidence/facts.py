"""What intake and legal may have said of a case, for the tests of evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from services.evidence.domain.exhibit import RegisterUpload
from shared.contracts.intake import (
    AccessGranted,
    AccessRevoked,
    CaseAssigned,
    CaseClosed,
    CaseErased,
    CaseOpened,
    ErasurePlanned,
    Facets,
)
from shared.trust.sealing import new_identity, seal
from tests.given import CASE

IDENTITY = new_identity()
OTHER = new_identity()
EXHIBIT = "22222222-2222-4222-8222-222222222222"
OPENED = CaseOpened(
    facets=Facets(persona="victim"),
    locator="0" * 64,
    recipients={
        "contact": OTHER.recipient,
        "account": OTHER.recipient,
        "evidence": IDENTITY.recipient,
        "authors": OTHER.recipient,
    },
)
CLOSED = CaseClosed(reason="judged")
PLANNED = ErasurePlanned(erasure="erasure-1")
ERASED = CaseErased(erasure="erasure-1", certificate="a" * 64)
LAWYER = CaseAssigned(role="lawyer", staff="staff-lawyer")
SEALED = seal({"name": "x"}, IDENTITY.recipient)
GEN_TIME = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)


def granted(role: Any, holder: str, *, access: str | None = None, status: Any = "accepted") -> AccessGranted:
    return AccessGranted(access=access or f"access-{holder}", role=role, holder=holder, status=status)


def revoked(holder: str) -> AccessRevoked:
    return AccessRevoked(access=f"access-{holder}")


def upload(exhibit: str = EXHIBIT, case: str = CASE, **other: Any) -> RegisterUpload:
    given: dict[str, Any] = {
        "case": case,
        "exhibit": exhibit,
        "commitment": "b" * 64,
        "size": 12,
        "media_type": "image/png",
        "kind": "screenshot",
        "grade": "B",
        "missing": ("hour",),
        "uploader_role": "victim",
        "declared_day": date(2026, 11, 20),
        "sealed_details": SEALED,
        **other,
    }
    return RegisterUpload(**given)
