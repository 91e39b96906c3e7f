"""What one transaction's ``Writes`` are to the store: bulk requests by collection, in an order that may not change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from shared.errors import BrokenContract
from shared.runtime.declaration import Aggregate, Job
from shared.runtime.documents import (
    STALE,
    Document,
    Publication,
    Writes,
    dead_letter_document,
    event_document,
    inbox_document,
    job_document,
    job_id,
    state_document,
)
from shared.runtime.folding import Loaded
from shared.runtime.transactions import StoreRefusal

PUBLISH_GRACE = timedelta(seconds=10)
"""How long the writer of an outbox document has to publish it before any replica may."""


def operations(writes: Writes, partitions: int, now: datetime) -> tuple[str | None, dict[str, list[Any]]]:
    """The id of the outbox document (None: nothing to publish) and the requests by collection. Raises StoreRefusal."""
    try:
        states = [state_document(declared, loaded, partitions) for declared, loaded in writes.states]
    except BrokenContract as error:
        raise StoreRefusal("state-too-large") from error
    found: dict[str, list[Any]] = {
        "states": [
            InsertOne(one)
            if one["revision"] == 1
            else ReplaceOne({"_id": one["_id"], "revision": one["revision"] - 1}, one)
            for one in states
        ]
        + [
            UpdateOne({"_id": aggregate_id, "revision": revision}, {"$inc": {"revision": 1}})
            for aggregate_id, revision in writes.touched
        ]
        + [
            UpdateOne({"_id": aggregate_id}, {"$inc": {"revision": 1, "held": letters}})
            for aggregate_id, letters in writes.holding
        ]
        + [_stale(one, declared, case, partitions, now) for one, declared, case in writes.stale],
        # Settled first: a job that its own result asks again is a new one.
        "jobs": [DeleteOne({"_id": job, "attempt": attempt}) for job, attempt in writes.settled]
        + [_asked(loaded, job, now, cause) for loaded, job, cause in writes.jobs],
        "inbox": [
            InsertOne(inbox_document(aggregate_id, arrival, arrival.fact.id))
            for aggregate_id, arrival in writes.inbox
            if arrival.fact is not None
        ],
        "events": [InsertOne(event_document(one)) for one in (*writes.publications, *writes.returned)],
        "dead_letters": [
            ReplaceOne({"_id": one.id}, dead_letter_document(one), upsert=True) for one in writes.dead_letters
        ]
        + [DeleteOne({"_id": one}) for one in writes.redriven],
        "answers": [InsertOne(_answer_document(writes))] if writes.answer else [],
        "outside": [_outside_operation(writes.outside)] if writes.outside else [],
        "marks": [UpdateOne({"_id": one}, {"$set": {"offset": at}}, upsert=True) for one, at in writes.marks.items()],
    }
    outbox = _outbox_document(writes.publications, writes, now)
    if outbox:
        found["outbox"] = [InsertOne(outbox)]
    return (outbox["_id"] if outbox else None), found


def _outside_operation(document: Document) -> Any:
    """One stored effect per message: whoever settles it first wins, as with the revision of a state."""
    revision = document.get("revision", 0)
    stored = {**document, "revision": revision + 1}
    return ReplaceOne({"_id": document["_id"], "revision": revision}, stored) if revision else InsertOne(stored)


def _asked(loaded: Loaded, job: Job, now: datetime, traceparent: str) -> UpdateOne:
    fresh = job_document(loaded, job, now, traceparent)
    return UpdateOne({"_id": job_id(loaded.id, job)}, {"$setOnInsert": fresh}, upsert=True)


def _answer_document(writes: Writes) -> Document:
    answer = writes.answer
    if answer is None:
        raise ValueError("there is no answer to store")
    return {"_id": answer.id, "body_hmac": answer.body_hmac, "sealed": answer.sealed, "expires": answer.expires}


def _outbox_document(publications: Sequence[Publication], writes: Writes, now: datetime) -> Document | None:
    if not publications and not writes.messages:
        return None
    return {
        "_id": publications[0].recorded.id if publications else _outside_id(writes),
        "events": [one.recorded.id for one in publications],
        "messages": [one.model_dump(mode="python") for one in writes.messages],
        "not_before": now + PUBLISH_GRACE,
        "attempt": 0,
        "owner": "",
        "created": now,
    }


def _outside_id(writes: Writes) -> str:
    if writes.outside is None:
        raise ValueError("a message that is no event answers a partner's message")
    return f"outside/{writes.outside['_id']}"


def _stale(aggregate_id: str, declared: Aggregate, case: str, partitions: int, now: datetime) -> UpdateOne:
    """Make the state one of an older fold: loading makes it again, and ``react`` is asked once the bus was read."""
    fresh = state_document(declared, Loaded(aggregate_id, case, declared.state()), partitions)
    stale = {"fold": STALE, "pending": True, "wake": now}
    kept = {name: value for name, value in fresh.items() if name not in {"_id", "revision", *stale}}
    return UpdateOne({"_id": aggregate_id}, {"$set": stale, "$inc": {"revision": 1}, "$setOnInsert": kept}, upsert=True)
