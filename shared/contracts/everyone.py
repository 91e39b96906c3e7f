"""Events that every service publishes for itself; ``ce_source`` says who."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Event, Id, Kind, Service
from shared.contracts.intake import Role


class ErasureCleared(Event):
    """The publishing service holds no content of the case any more; ``kept`` counts what it must keep, by kind."""

    name: ClassVar[str] = "erasure-cleared"
    owner: ClassVar[Service | None] = None

    erasure: Id
    kept: Annotated[dict[Kind, Annotated[int, Field(ge=0)]], Field(max_length=20)] = Field(default_factory=dict)


class ErasureObjected(Event):
    """A lawful hold stands against the erasure, until ``until`` (Europe/Paris) where that is known."""

    name: ClassVar[str] = "erasure-objected"
    owner: ClassVar[Service | None] = None

    erasure: Id
    reason: Kind
    until: date | None = None


class RecordViewed(Event):
    """Somebody read something of the case: the person's access ledger."""

    name: ClassVar[str] = "record-viewed"
    owner: ClassVar[Service | None] = None

    viewer: Id
    role: Role
    record: Literal["dossier", "exhibit", "diagnosis", "complaint", "invoice", "contact"]
    record_id: Id | None = None


class Checkpoint(Event):
    """What one writer of a service has stored in one epoch.

    ``digest``: SHA-256 over the lines ``<event id> <SHA-256 of signed bytes>`` sorted, of the epoch's ``count`` events.
    ``previous``: SHA-256 of the signed bytes of this writer's checkpoint before, 64 zeros for the first: the chain.
    """

    name: ClassVar[str] = "checkpoint"
    owner: ClassVar[Service | None] = None

    writer: Id
    number: Annotated[int, Field(ge=1)]
    count: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    previous: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    final: bool = False
