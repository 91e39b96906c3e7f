"""What an audit says in the end."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from deploy.audit.findings import Finding, Ledger
from shared.contracts.envelope import Instant

OPEN_EPOCH = (
    "A cut within the last open epoch (about a minute before a crash) of both bus and store does not show: "
    "no checkpoint covers it yet."
)


class TypeCount(BaseModel):
    """One event type of one service: distinct events on the bus and in the store, in the outbox still, duplicates."""

    model_config = ConfigDict(frozen=True)

    service: str
    event: str
    bus: int
    store: int
    outbox: int
    duplicates: int


class Report(BaseModel):
    """The whole. ``began``, ``ended``: aware UTC; ``findings`` names the first of each kind, ``totals`` counts all."""

    model_config = ConfigDict(frozen=True)

    result: Literal["ok", "findings"]
    began: Instant
    ended: Instant
    log: str
    services: tuple[str, ...]
    types: tuple[TypeCount, ...]
    looked: dict[str, int]
    notes: dict[str, int]
    totals: dict[str, int]
    findings: tuple[Finding, ...]
    limits: tuple[str, ...]


def type_counts(ledger: Ledger) -> tuple[TypeCount, ...]:
    """The counts by service and type, sorted."""
    return tuple(
        TypeCount(
            service=service,
            event=event,
            bus=count["bus"],
            store=count["store"],
            outbox=count["outbox"],
            duplicates=count["duplicates"],
        )
        for (service, event), count in sorted(ledger.types.items())
    )
