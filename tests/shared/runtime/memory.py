"""An engine over a store in memory that keeps the promises of the real one: guards, fences, uniqueness."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared import clock
from shared.contracts.envelope import Message
from shared.contracts.event import Event
from shared.ids import event_id
from shared.runtime.checkpoints import Epochs
from shared.runtime.declaration import Aggregate, Recorded, Service
from shared.runtime.documents import DeadLetter, Document, Writes, job_document, job_id, loaded_of, state_document
from shared.runtime.engine import Engine
from shared.runtime.folding import Loaded, blank
from shared.runtime.messages import Arrival, to_message
from shared.runtime.metrics import Metrics
from shared.runtime.transactions import Conflict, Fenced, StoreRefusal
from shared.runtime.writing import Writing
from shared.trust.signing import KeySet, generate

CASE = "11111111-1111-4111-8111-111111111111"
KEY = generate("intake", datetime(2026, 11, 1, tzinfo=UTC))
KEYS = KeySet([KEY.public()])


class Memory:
    """``before_write`` is called first in each write and may raise; ``unloadable`` names what cannot be loaded."""

    def __init__(self) -> None:
        self.states: dict[str, Document] = {}
        self.inbox: dict[str, Arrival] = {}
        self.published: dict[str, Message] = {}
        self.letters: dict[str, DeadLetter] = {}
        self.jobs: dict[str, Document] = {}
        self.outside_documents: dict[str, Document] = {}
        self.unloadable: set[str] = set()
        self.commits = 0
        self.rescheduled: list[str] = []
        self.before_write: Any = lambda _writes: None
        self.after_write: Any = lambda _writes: None

    async def load(self, wanted: Mapping[str, tuple[Aggregate, str]]) -> dict[str, Loaded]:
        if self.unloadable & set(wanted):
            raise ValueError("cannot fold Camille Perrin again")
        return {
            one: loaded_of(declared, self.states[one]) if one in self.states else blank(declared, one, case)
            for one, (declared, case) in wanted.items()
        }

    async def known(self, inbox_ids):
        return set(inbox_ids) & set(self.inbox)

    async def letters_of(self, aggregates):
        return {one.id for one in self.letters.values() if one.aggregate in aggregates}

    async def find(self, collection, document_id):
        return {"states": self.states, "outside": self.outside_documents}[collection].get(document_id)

    async def events(self, ids):
        return [{"_id": one} for one in ids if one in self.published]

    async def outside(self, status, case):
        return [one for one in self.outside_documents.values() if (one["status"], one["case"]) == (status, case)]

    async def scan(self, collection, query):
        documents = {"outside": self.outside_documents, "states": self.states}[collection]
        for one in list(documents.values()):
            if query.items() <= one.items():
                yield one

    async def resolve(self, reference):
        return None

    async def reschedule(self, job, attempt, *, not_before, failures):
        self.rescheduled.append(job)

    async def write(self, writes: Writes, *, now: datetime) -> str | None:
        self.before_write(writes)
        if writes.size() > 1000:
            raise StoreRefusal("too-many-documents")
        fresh = [state_document(declared, loaded, 4) for declared, loaded in writes.states]
        for one in fresh:
            if self.states.get(one["_id"], {"revision": 0})["revision"] != one["revision"] - 1:
                raise Conflict
        if any(one.recorded.id in self.published for one in writes.publications):
            raise Conflict
        if any(f"{one}/{arrival.fact.id}" in self.inbox for one, arrival in writes.inbox):
            raise Conflict
        if writes.outside:
            known = self.outside_documents.get(writes.outside["_id"], {"revision": 0})["revision"]
            if known != writes.outside.get("revision", 0):
                raise Conflict
            self.outside_documents[writes.outside["_id"]] = {**writes.outside, "revision": known + 1}
        if any(self.jobs.get(one, {"attempt": None})["attempt"] != attempt for one, attempt in writes.settled):
            raise Fenced
        self.states.update({one["_id"]: one for one in fresh})
        for one, count in writes.holding:
            self.states[one]["revision"] += 1
            self.states[one]["held"] += count
        self.inbox.update({f"{one}/{arrival.fact.id}": arrival for one, arrival in writes.inbox})
        self.published.update({one.recorded.id: one.message for one in writes.publications})
        for letter in writes.redriven:
            self.letters.pop(letter, None)
        self.letters.update({one.id: one for one in writes.dead_letters})
        for settled, _ in writes.settled:
            del self.jobs[settled]
        for loaded, job, cause in writes.jobs:
            self.jobs.setdefault(job_id(loaded.id, job), job_document(loaded, job, now, cause))
        self.commits += 1
        await asyncio.sleep(0)  # the commit's answer is on its way
        self.after_write(writes)
        return writes.publications[0].recorded.id if writes.publications else None


class Silent:
    """A publisher that remembers."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def publish_soon(self, outbox, messages) -> None:
        self.said.extend(messages)

    async def room(self) -> None: ...


def engine_of(service: Service, store: Memory, publisher: Silent | None = None) -> Engine:
    key = generate(service.name, clock.now())
    writing = Writing(service, store, publisher or Silent(), key, Epochs("writer"), Metrics())  # type: ignore[arg-type]
    return Engine(writing, lambda: KEYS)


def arrival(event: Event, sequence: int = 1, *, case: str = CASE, offset: int | None = None) -> Arrival:
    """An intake event as it comes from the bus."""
    aggregate = f"intake/case/{case}"
    recorded = Recorded(
        event_id(aggregate, sequence), "intake", aggregate, sequence, clock.now(), case, event, "c", "c"
    )
    message = to_message(recorded, KEY, epoch="w/1")
    where = sequence if offset is None else offset
    return Arrival(event.name, 0, where, message.key, message.headers, message.body, recorded)


def unread(one: Arrival, *, specversion: bytes) -> Arrival:
    """The arrival with another ``ce_specversion``, not read."""
    headers = tuple((name, specversion if name == "ce_specversion" else value) for name, value in one.headers)
    return Arrival(one.topic, one.partition, one.offset, one.key, headers, one.body, None, "unreadable")
