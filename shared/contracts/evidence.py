"""Events of evidence: exhibits, their timestamps, what is read from them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.envelope import Instant
from shared.contracts.event import Commitment, Event, Id, Kind, Sealed, Service
from shared.contracts.intake import ReportedAct, Role

Qualification = Literal["qualified", "not-qualified", "unknown"]
ExhibitKind = Literal[
    "screenshot", "message", "e-mail", "sms", "post", "article", "audio", "video", "document", "photo"
]
Missing = Literal["date", "hour", "author", "content", "address"]


class EvidenceUploaded(Event):
    """An exhibit was received and stored. ``size`` in bytes; ``grade`` from A (complete) to D.

    ``sealed_details`` (purpose evidence): file name, salt, digest (SHA-256 hex), what was declared.
    """

    name: ClassVar[str] = "evidence-uploaded"
    owner: ClassVar[Service | None] = "evidence"

    exhibit: Id
    commitment: Commitment
    size: Annotated[int, Field(ge=1)]
    media_type: Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")]
    kind: ExhibitKind
    grade: Literal["A", "B", "C", "D"]
    missing: tuple[Missing, ...] = ()
    uploader_role: Role
    declared_day: date | None = None
    sealed_details: Sealed


class EvidenceTimestamped(Event):
    """An authority attested that the exhibit existed at ``gen_time``; it says nothing of who wrote it."""

    name: ClassVar[str] = "evidence-timestamped"
    owner: ClassVar[Service | None] = "evidence"

    exhibit: Id
    gen_time: Instant
    authority: Annotated[str, Field(max_length=200)]
    policy: Annotated[str, Field(pattern=r"^[0-9.]+$")]
    qualification: Qualification
    token: Id
    proof: Id | None = None
    """The token's id in evidence's store; ``proof`` the path to it in a shared token's tree, None for a token alone."""


class EvidenceRefused(Event):
    """The exhibit cannot be used; the reason says why."""

    name: ClassVar[str] = "evidence-refused"
    owner: ClassVar[Service | None] = "evidence"

    exhibit: Id
    reason: Kind


class EvidenceQuarantined(Event):
    name: ClassVar[str] = "evidence-quarantined"
    owner: ClassVar[Service | None] = "evidence"

    exhibit: Id
    reason: Kind


class EvidenceWithdrawn(Event):
    """Its depositor or the victim took it back: final."""

    name: ClassVar[str] = "evidence-withdrawn"
    owner: ClassVar[Service | None] = "evidence"

    exhibit: Id
    reason: Kind = "withdrawn"


class ActsExtracted(Event):
    """Dated messages read from an exhibit; the words and handles are sealed (purpose evidence)."""

    name: ClassVar[str] = "acts-extracted"
    owner: ClassVar[Service | None] = "evidence"

    extraction: Id
    exhibit: Id
    acts: Annotated[tuple[ReportedAct, ...], Field(max_length=200)]
    sealed_acts: Sealed


class BundleSealed(Event):
    """The bundle for justice was made from these exhibits, in this order."""

    name: ClassVar[str] = "bundle-sealed"
    owner: ClassVar[Service | None] = "evidence"

    bundle: Id
    commitment: Commitment
    exhibits: Annotated[tuple[Id, ...], Field(max_length=1000)]
    sealed_digest: Sealed
