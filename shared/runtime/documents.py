"""The shapes of the store's documents, and to and from them.

Collections: ``states`` (one per aggregate), ``events`` and ``inbox`` (never deleted), ``jobs``, ``outbox``,
``dead_letters``, ``answers``, ``references``, ``outside``, ``marks``. Instants are BSON dates in UTC, milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiokafka.partitioner import murmur2

from shared.contracts.envelope import Header, Message
from shared.errors import BrokenContract
from shared.runtime.answers import Answer
from shared.runtime.declaration import Aggregate, Job, Recorded
from shared.runtime.folding import Loaded
from shared.runtime.messages import Arrival, read

Document = dict[str, Any]
MAX_STATE_BYTES = 1024 * 1024
MAX_DOCUMENTS = 1000
STALE = 0
"""The fold of a state whose aggregate was given events back: loading makes it again."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not be applied: the exact bytes (none for ``react`` and ``job``), where they stood, and why.

    ``detail`` names fields and types, never values. ``aggregate`` is held until the letter is redriven.
    """

    id: str
    kind: Literal["fact", "react", "job"]
    reason: str
    detail: str
    aggregate: str
    case: str
    time: datetime
    topic: str = ""
    partition: int = -1
    offset: int = -1
    key: bytes = b""
    headers: tuple[Header, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Publication:
    """One of the service's own events and the message that says it."""

    recorded: Recorded
    message: Message
    epoch: str


@dataclass(slots=True)
class Writes:
    """All that one transaction writes; nothing is written outside one.

    ``states``: the aggregates as they will be, each guarded by the revision it was loaded at. ``jobs``: with the trace
    that they go back to. ``settled``: claimed jobs (id, attempt) that must still be this attempt's. ``touched``:
    parents (id, revision) that must not have moved.
    ``returned``: own events that the bus kept and the store lost; their aggregates (``stale``: id, kind, case) are
    folded again when next loaded. ``marks``: how far the bus was read or written, by mark.
    ``holding``: stored aggregates (id, dead letters more) whose state stays as it is, even where it cannot be read.
    """

    states: list[tuple[Aggregate, Loaded]] = field(default_factory=list)
    touched: list[tuple[str, int]] = field(default_factory=list)
    holding: list[tuple[str, int]] = field(default_factory=list)
    inbox: list[tuple[str, Arrival]] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    jobs: list[tuple[Loaded, Job, str]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)
    settled: list[tuple[str, int]] = field(default_factory=list)
    answer: Answer | None = None
    outside: Document | None = None
    messages: list[Message] = field(default_factory=list)
    """Messages that are no events of ours (refusals to partners), published with the rest."""
    returned: list[Publication] = field(default_factory=list)
    stale: list[tuple[str, Aggregate, str]] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)

    def size(self) -> int:
        """How many documents the transaction writes, at most."""
        return (
            len(self.states)
            + len(self.touched)
            + len(self.holding)
            + len(self.inbox)
            + len(self.publications)
            + len(self.jobs)
            + len(self.dead_letters)
            + len(self.redriven)
            + len(self.settled)
            + len(self.returned)
            + len(self.stale)
            + len(self.marks)
            + 3
        )


def partition_of(key: str, partitions: int) -> int:
    """The partition of a case, as Kafka's default partitioner gives it (murmur2 of the key)."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def state_document(declared: Aggregate, loaded: Loaded, partitions: int) -> Document:
    """The state as stored. Raises BrokenContract over 1 MB."""
    body = loaded.state.model_dump_json()
    size = len(body.encode())
    if size > MAX_STATE_BYTES:
        raise BrokenContract(f"A {declared.name} of {size} bytes is over the bound of {MAX_STATE_BYTES}.")
    return {
        "_id": loaded.id,
        "kind": declared.name,
        "case": loaded.case,
        "partition": partition_of(loaded.case, partitions),
        "revision": loaded.revision + 1,
        "sequence": loaded.sequence,
        "fold": declared.fold,
        "wake": loaded.wake,
        "pending": loaded.pending,
        "held": loaded.held,
        "state": body,
    }


def loaded_of(declared: Aggregate, document: Mapping[str, Any]) -> Loaded:
    """The aggregate as loaded; its state is blank where the fold's version has changed (the caller refolds)."""
    current = document["fold"] == declared.fold
    return Loaded(
        id=document["_id"],
        case=document["case"],
        state=declared.state.model_validate_json(document["state"]) if current else declared.state(),
        sequence=document["sequence"],
        revision=document["revision"],
        wake=document["wake"],
        pending=document["pending"],
        held=document["held"],
    )


def _headers(headers: Sequence[Header]) -> list[list[Any]]:
    return [[name, value] for name, value in headers]


def headers_of(stored: Sequence[Sequence[Any]]) -> tuple[Header, ...]:
    return tuple((name, bytes(value)) for name, value in stored)


def event_document(publication: Publication) -> Document:
    recorded, message = publication.recorded, publication.message
    return {
        "_id": recorded.id,
        "aggregate": recorded.aggregate,
        "sequence": recorded.sequence,
        "epoch": publication.epoch,
        "time": recorded.time,
        "topic": message.topic,
        "key": message.key,
        "headers": _headers(message.headers),
        "body": message.body,
    }


def message_of(document: Mapping[str, Any]) -> Message:
    return Message(
        topic=document["topic"],
        key=bytes(document["key"]),
        headers=headers_of(document["headers"]),
        body=bytes(document["body"]),
    )


def inbox_document(aggregate_id: str, arrival: Arrival, fact_id: str) -> Document:
    return {
        "_id": f"{aggregate_id}/{fact_id}",
        "aggregate": aggregate_id,
        "topic": arrival.topic,
        "partition": arrival.partition,
        "offset": arrival.offset,
        "key": arrival.key,
        "headers": _headers(arrival.headers),
        "body": arrival.body,
    }


def fact_of(document: Mapping[str, Any]) -> Recorded:
    """The fact that an inbox or event document holds. Raises BrokenContract where its bytes were damaged."""
    return read(headers_of(document["headers"]), bytes(document["body"]))


def job_id(aggregate_id: str, job: Job) -> str:
    return f"{aggregate_id}:{job.kind}:{job.subject}"


def job_document(loaded: Loaded, job: Job, now: datetime, traceparent: str) -> Document:
    return {
        "aggregate": loaded.id,
        "case": loaded.case,
        "kind": job.kind,
        "subject": job.subject,
        "payload": job.payload,
        "not_before": job.not_before or now,
        "attempt": 0,
        "failures": 0,
        "owner": "",
        "created": now,
        "traceparent": traceparent,
    }


def dead_letter_document(letter: DeadLetter) -> Document:
    return {
        "_id": letter.id,
        "kind": letter.kind,
        "reason": letter.reason,
        "detail": letter.detail,
        "aggregate": letter.aggregate,
        "case": letter.case,
        "time": letter.time,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "headers": _headers(letter.headers),
        "body": letter.body,
    }


def dead_letter_of(document: Mapping[str, Any]) -> DeadLetter:
    return DeadLetter(
        id=document["_id"],
        kind=document["kind"],
        reason=document["reason"],
        detail=document["detail"],
        aggregate=document["aggregate"],
        case=document["case"],
        time=document["time"],
        topic=document["topic"],
        partition=document["partition"],
        offset=document["offset"],
        key=bytes(document["key"]),
        headers=headers_of(document["headers"]),
        body=bytes(document["body"]),
    )
