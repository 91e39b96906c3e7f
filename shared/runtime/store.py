"""The service's own database: the only module that writes to it, always in one transaction.

It hides motor (docs/adr/0001): nothing else imports it. A plain write beside an abandoned transaction's lock can wedge
a store for minutes (measured), hence no write here outside ``Store.write``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DeleteOne, InsertOne
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.clock import now
from shared.contracts.envelope import Message
from shared.errors import Refused
from shared.runtime.declaration import Aggregate, Recorded, Service
from shared.runtime.documents import (
    MAX_DOCUMENTS,
    DeadLetter,
    Document,
    Writes,
    dead_letter_of,
    fact_of,
    loaded_of,
    message_of,
)
from shared.runtime.folding import Loaded, blank, refold
from shared.runtime.indexes import ensure
from shared.runtime.marks import Kind, Place, place_of
from shared.runtime.operations import operations
from shared.runtime.transactions import Conflict, Fenced, StoreDown, StoreRefusal, down, transaction
from shared.runtime.waiting import Waiting, waiting

log = structlog.get_logger()
RESCHEDULE_TRIES = 12


class Store:
    """One service's database.

    Args:
        url: MongoDB connection string of a replica set.
        database: its database.
        service: the declaration whose aggregates it holds.
        partitions: how many partitions every topic has.
    """

    def __init__(self, url: str, database: str, service: Service, partitions: int) -> None:
        self._client: Any = AsyncIOMotorClient(
            url,
            tz_aware=True,
            serverSelectionTimeoutMS=3_000,
            connectTimeoutMS=3_000,
            socketTimeoutMS=20_000,
            maxPoolSize=50,
            retryWrites=False,
            appname=f"recours-{service.name}",
        )
        self._service = service
        self._partitions = partitions
        self._database = self._client.get_database(
            database, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
        )

    def __getitem__(self, collection: str) -> Any:
        return self._database[collection]

    async def ensure(self) -> None:
        """Create collections and indexes where they are not; safe to repeat. Raises StoreDown."""
        async with self._reading():
            await ensure(self._database)

    async def ping(self) -> bool:
        """Whether the store answers now."""
        try:
            await self._client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def close(self) -> None:
        self._client.close()

    # ---- reading

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        """A read that fails says nothing of what it asked for, so nobody is held for it: it is asked again later."""
        try:
            yield
        except PyMongoError as error:
            if not down(error):
                log.error("store-cannot-read", code=getattr(error, "code", None), error=type(error).__name__)
            raise StoreDown("The store does not answer; try again in a moment.") from error

    async def load(self, wanted: Mapping[str, tuple[Aggregate, str]]) -> dict[str, Loaded]:
        """The aggregates of these ids (id → declaration and case), blank where nothing is stored.

        A state of an older fold is made again from inbox and events. Raises StoreDown.
        """
        async with self._reading():
            found = {one["_id"]: one async for one in self["states"].find({"_id": {"$in": list(wanted)}})}
        loaded: dict[str, Loaded] = {}
        for aggregate_id, (declared, case) in wanted.items():
            document = found.get(aggregate_id)
            if document is None:
                loaded[aggregate_id] = blank(declared, aggregate_id, case if declared.per_case else aggregate_id)
            else:
                one = loaded_of(declared, document)
                loaded[aggregate_id] = one if document["fold"] == declared.fold else await self.refolded(declared, one)
        return loaded

    async def refolded(self, declared: Aggregate, loaded: Loaded) -> Loaded:
        """The aggregate folded again from this database's inbox and events alone."""
        async with self._reading():
            followed = [fact_of(one) async for one in self["inbox"].find({"aggregate": loaded.id})]
        return refold(declared, loaded, followed, await self.own_events(loaded.id))

    async def own_events(self, aggregate_id: str) -> list[Recorded]:
        """An aggregate's own events in sequence order."""
        async with self._reading():
            cursor = self["events"].find({"aggregate": aggregate_id}).sort("sequence", ASCENDING)
            return [fact_of(one) async for one in cursor]

    async def messages_of_case(self, case: str) -> list[Message]:
        """The service's own messages about a case, oldest first."""
        async with self._reading():
            cursor = self["events"].find({"key": case.encode()}).sort("time", ASCENDING)
            return [message_of(one) async for one in cursor]

    async def known(self, inbox_ids: Sequence[str]) -> set[str]:
        """Which of these inbox ids were folded already."""
        async with self._reading():
            cursor = self["inbox"].find({"_id": {"$in": list(inbox_ids)}}, {"_id": 1})
            return {one["_id"] async for one in cursor}

    async def letters_of(self, aggregate_ids: Sequence[str]) -> set[str]:
        """Ids of the dead letters that hold these aggregates."""
        if not aggregate_ids:
            return set()
        async with self._reading():
            cursor = self["dead_letters"].find({"aggregate": {"$in": list(aggregate_ids)}}, {"_id": 1})
            return {one["_id"] async for one in cursor}

    async def page(
        self, kind: str, *, case: str | None = None, before: str | None = None, limit: int = 50
    ) -> list[Loaded]:
        """Aggregates of one kind, of one case or of all, newest id last within a case; ``before`` pages through all."""
        declared = self._service.aggregate(kind)
        query: Document = {"kind": kind}
        if case is not None:
            query["case"] = case
        if before is not None:
            query["_id"] = {"$lt": declared.id(self._service.name, before)}
        async with self._reading():
            documents = [one async for one in self["states"].find(query).sort("_id", -1).limit(limit)]
        wanted = {one["_id"]: (declared, one["case"]) for one in documents}
        return list((await self.load(wanted)).values()) if wanted else []

    async def resolve(self, reference: str) -> str | None:
        """The id of the aggregate that a reference names."""
        async with self._reading():
            found = await self["references"].find_one({"_id": reference})
        return None if found is None else str(found["aggregate"])

    async def due_wakes(self, partitions: Sequence[int], until: datetime, limit: int = 100) -> list[str]:
        """Ids of aggregates of these partitions that asked to be woken by ``until`` and are not held."""
        query = {"wake": {"$lte": until}, "partition": {"$in": list(partitions)}, "held": 0}
        async with self._reading():
            return [one["_id"] async for one in self["states"].find(query, {"_id": 1}).sort("wake", 1).limit(limit)]

    async def due(
        self, collection: str, now: datetime, limit: int, *, kinds: Sequence[str] | None = None
    ) -> list[Document]:
        """Jobs (of these kinds) or outbox documents whose time has come, oldest first."""
        query: Document = {"not_before": {"$lte": now}}
        if kinds is not None:
            query["kind"] = {"$in": list(kinds)}
        async with self._reading():
            cursor = self[collection].find(query).sort("not_before", 1).limit(limit)
            return [one async for one in cursor]

    async def events(self, ids: Sequence[str]) -> list[Document]:
        async with self._reading():
            return [one async for one in self["events"].find({"_id": {"$in": list(ids)}})]

    async def dead_letters(self, query: Mapping[str, Any] | None = None) -> list[DeadLetter]:
        async with self._reading():
            return [dead_letter_of(one) async for one in self["dead_letters"].find(dict(query or {})).sort("time", 1)]

    async def find(self, collection: str, document_id: str) -> Document | None:
        async with self._reading():
            found: Document | None = await self[collection].find_one({"_id": document_id})
            return found

    async def marks(self, kind: Kind) -> dict[Place, int]:
        """The offsets that the marks of a kind hold. Raises StoreDown."""
        async with self._reading():
            found = [one async for one in self["marks"].find({"_id": {"$regex": f"^{kind}/"}})]
        return {place_of(one["_id"]): int(one["offset"]) for one in found}

    async def outside(self, status: str, case: str) -> list[Document]:
        """A case's messages of partners in a status, oldest first, at most 500."""
        async with self._reading():
            found = self["outside"].find({"status": status, "case": case}).sort("received", 1).limit(500)
            return [one async for one in found]

    async def waiting(self, at: datetime) -> Waiting:
        """What the metrics tell of what waits."""
        async with self._reading():
            return await waiting(self._database, [worker.kind for worker in self._service.workers], at)

    async def scan(self, collection: str, query: Mapping[str, Any] | None = None) -> AsyncIterator[Document]:
        """Every document of a collection, one at a time, in no order: for the audit. Raises StoreDown."""
        async with self._reading():
            async for one in self[collection].find(dict(query or {})):
                yield one

    # ---- writing

    async def write(self, writes: Writes, *, now: datetime) -> str | None:
        """Write everything or nothing, in one transaction.

        Returns:
            The id of the outbox document to publish from, None where there is nothing to publish.

        Raises:
            Conflict: repeat after loading again. Fenced: a settled job is another attempt's now.
            StoreRefusal: over a bound, or refused by the store. StoreDown: no answer, nothing written.
            CommitUnknown: no answer to the commit.
            Refused: a reference is taken by another aggregate.
        """
        if writes.size() > MAX_DOCUMENTS:
            raise StoreRefusal("too-many-documents")
        outbox, requests_by_collection = operations(writes, self._partitions, now)

        async def act(session: Any) -> None:
            for collection, requests in requests_by_collection.items():
                await self._bulk(collection, requests, session)
            await self._take_references(writes, session)

        await transaction(self._client, act)
        return outbox

    async def _bulk(self, collection: str, requests: list[Any], session: Any) -> None:
        if not requests:
            return
        result = await self[collection].bulk_write(requests, ordered=True, session=session)
        if collection in {"states", "outside"}:
            inserted = sum(isinstance(one, InsertOne) for one in requests)
            done = result.inserted_count + result.matched_count + result.upserted_count
            if done != len(requests) or result.inserted_count != inserted:
                raise Conflict
        if collection == "jobs":
            settled = sum(isinstance(one, DeleteOne) for one in requests)
            if result.deleted_count != settled:
                raise Fenced

    async def _take_references(self, writes: Writes, session: Any) -> None:
        for declared, loaded in writes.states:
            for reference in declared.references(loaded.state):
                found = await self["references"].find_one({"_id": reference}, session=session)
                if found is None:
                    await self["references"].insert_one({"_id": reference, "aggregate": loaded.id}, session=session)
                elif found["aggregate"] != loaded.id:
                    raise Refused("reference-taken", "This reference is already in use; draw a new one.", conflict=True)

    async def claim(self, collection: str, document: Document, *, owner: str, until: datetime) -> Document | None:
        """Take a due job or outbox document until ``until``; None when somebody else was faster.

        The fence is the attempt counter, not the clock.
        """
        attempt = document["attempt"] + 1
        change = {"attempt": attempt, "owner": owner, "not_before": until}

        async def act(session: Any) -> None:
            result = await self[collection].update_one(
                {"_id": document["_id"], "attempt": attempt - 1}, {"$set": change}, session=session
            )
            if result.matched_count != 1:
                raise Conflict

        try:
            await transaction(self._client, act)
        except Conflict:
            return None
        return {**document, **change}

    async def reschedule(self, job: str, attempt: int, *, not_before: datetime, failures: int) -> None:
        """Put a claimed job back; nothing happens when it is another attempt's now."""

        async def act(session: Any) -> None:
            await self["jobs"].update_one(
                {"_id": job, "attempt": attempt},
                {"$set": {"not_before": not_before, "failures": failures, "owner": ""}},
                session=session,
            )

        for _ in range(RESCHEDULE_TRIES):
            try:
                await transaction(self._client, act)
            except Conflict:  # somebody asked for the same job again: without this, its lease would have to run out
                await asyncio.sleep(random.uniform(0.002, 0.05))  # noqa: S311 - jitter
            else:
                return

    async def reclaim(self, replica: str, writer: str) -> None:
        """Make due at once what earlier runs of ``replica`` held: they are dead, as ``writer`` has taken their place.

        Were one alive, the attempt counter would fence it like any late one. Raises Conflict, StoreDown.
        """
        earlier = {"owner": {"$regex": f"^{re.escape(replica)}-[0-9a-f-]{{36}}$", "$ne": writer}}
        due = {"$set": {"not_before": now(), "owner": ""}}

        async def act(session: Any) -> None:
            for collection in ("jobs", "outbox"):
                await self[collection].update_many(earlier, due, session=session)

        await transaction(self._client, act)

    async def published(self, outbox_ids: Iterable[str]) -> None:
        """Forget outbox documents whose messages the bus has acknowledged."""

        async def act(session: Any) -> None:
            await self["outbox"].delete_many({"_id": {"$in": list(outbox_ids)}}, session=session)

        with contextlib.suppress(Conflict):  # a leftover is swept later: the same bytes again, harmless
            await transaction(self._client, act)
