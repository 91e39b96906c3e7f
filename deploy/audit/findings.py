"""What an audit finds: differences by kind, each with what to do, and counts of all that was looked at."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict

WHAT_TO_DO: Final = MappingProxyType(
    {
        "event-altered": "Keep both copies as evidence; the one whose signature holds is right: restore the other.",
        "event-missing-in-store": "The bus has it, validly signed: restore the service's store from its backup.",
        "event-missing-on-bus": "The store has it and no outbox promises it: run `recours republish SERVICE`.",
        "event-forged": "Do not act on it: find who may write to this topic, and rotate the service's key.",
        "sequence-gap": "Events are gone from bus and store: restore both from their backups.",
        "wrong-id": "Its id does not follow from aggregate and sequence: find who wrote it.",
        "wrong-key": "It lies under another case's key: find who wrote it; followers keep it as a dead letter.",
        "contract-broken": "Followers keep it as a dead letter: find who wrote it, or deploy a version that reads it.",
        "signature-broken": "Nobody may rely on it: compare with the store, then find who may write to this topic.",
        "state-differs": "Run `recours refold SERVICE --all`, and find who wrote to the store.",
        "state-missing": "Facts without a state: restore the store, and find who wrote to it.",
        "state-without-facts": "A state that nothing says: find who wrote to the store.",
        "refold-failed": "The fold fails on a stored fact: correct it and raise its version.",
        "reference-differs": "Run `recours refold SERVICE --all`, and find who wrote to the store.",
        "inbox-differs": "The bus is right where its signature holds: restore the follower's store from its backup.",
        "truncated": "Newest events were cut off: restore bus and store from their backups.",
        "checkpoint-differs": "Events or checkpoints were rewritten: compare with backups and the checkpoint objects.",
        "token-differs": "The token is not the one that was recorded: restore it from the object's versions.",
        "exhibit-differs": "The bytes are not the ones that were taken in: restore the object's first version.",
        "document-broken": "Restore the document from the store's backup, and find who wrote to the store.",
        "object-unreadable": "Restore the object from its versions or its backup.",
    }
)
"""Every kind of finding, by its stable name."""


class Finding(BaseModel):
    """One difference. ``event``: an event's id, if there is one; ``detail`` names places and fields, never values."""

    model_config = ConfigDict(frozen=True)

    kind: str
    service: str
    aggregate: str
    event: str
    detail: str
    what_to_do: str


class Ledger:
    """Collects while the audit runs. The first ``keep`` findings of each kind are named, all are counted."""

    def __init__(self, *, keep: int = 20) -> None:
        self.types: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        """(service, event name) → bus, duplicates, store, outbox."""
        self.looked: Counter[str] = Counter()
        """How many of what were looked at."""
        self.notes: Counter[str] = Counter()
        """What is no difference and yet worth knowing."""
        self.totals: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self._keep = keep

    def find(self, kind: str, *, service: str, detail: str, aggregate: str = "", event: str = "") -> None:
        """Note a difference. Raises KeyError for a kind without a name in WHAT_TO_DO."""
        advice = WHAT_TO_DO[kind].replace("SERVICE", service or "SERVICE")
        self.totals[kind] += 1
        if self.totals[kind] <= self._keep:
            self.findings.append(
                Finding(kind=kind, service=service, aggregate=aggregate, event=event, detail=detail, what_to_do=advice)
            )
