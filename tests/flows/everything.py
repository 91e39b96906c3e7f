"""All that a platform keeps: every store, every bucket, the bus. Counted to show that a refusal changed nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pymongo

from deploy.demo.rest import unread
from deploy.embedded.engines import objects
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from shared import clock
from shared.contracts.catalogue import topics
from shared.contracts.partners import Refusal
from shared.runtime import archive
from shared.runtime.documents import Document
from shared.runtime.indexes import COLLECTIONS
from shared.runtime.lasting import BUCKET_MARKS
from shared.runtime.messages import Arrival
from tests.deploy.processes import until

KEPT = tuple(name for name in COLLECTIONS if name not in {"outbox", "marks"})
OF_ITSELF = "checkpoint"
"""What a service writes with nobody asking: its checkpoint, once a minute."""
OBJECTS_OF_ITSELF = (f"{OF_ITSELF}.", BUCKET_MARKS)
"""And how far its bucket is known to hold nothing that was erased."""


class Everything:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._mongo: pymongo.MongoClient[Document] = pymongo.MongoClient(platform.site.store_url, tz_aware=True)
        self._buckets = objects.client(platform.site)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._mongo.close()

    def collection(self, service: str, name: str) -> Any:
        return self._mongo[f"recours_{service}"][name]

    def databases(self) -> dict[str, dict[str, Any]]:
        """Every collection of every database, the store's own (its operations' log) too."""
        return {
            name: {one: self._mongo[name][one] for one in self._mongo[name].list_collection_names()}
            for name in self._mongo.list_database_names()
        }

    def object_names(self) -> list[str]:
        """``bucket/name`` of every object and version, but for the bus's own bucket."""
        names = [bucket.name for bucket in self._buckets.list_buckets() if bucket.name != "recours-bus"]
        return sorted(
            f"{bucket}/{one.object_name}"
            for bucket in names
            for one in self._buckets.list_objects(bucket, recursive=True, include_version=True)
        )

    def counted(self) -> dict[str, int]:
        """How many documents each collection holds and how many objects there are, apart from what writes itself."""
        found = {
            f"{service}.{name}": self.collection(service, name).count_documents(
                {"topic": {"$ne": OF_ITSELF}} if name == "events" else {}
            )
            for service in SERVICES
            for name in KEPT
        }
        found["revisions"] = sum(
            one["revision"]
            for service in SERVICES
            for one in self.collection(service, "states").find({}, {"revision": 1})
            if "/writer/" not in one["_id"]
        )
        found["objects"] = sum(not name.split("/")[1].startswith(OBJECTS_OF_ITSELF) for name in self.object_names())
        return found

    async def count(self) -> dict[str, int]:
        return await asyncio.to_thread(self.counted)

    async def quiet(self) -> dict[str, int]:
        """Wait until nothing is due, on its way or unread, and nothing has changed for a second; gives the counts."""
        last: list[dict[str, int]] = []

        async def settled() -> bool:
            now = await self.count()
            busy = await asyncio.to_thread(self._busy)
            last[:] = [] if busy or (last and last[-1] != now) else [*last, now]
            await asyncio.sleep(0.2)
            if len(last) > 5 and await unread(self.platform):
                last.clear()
            return len(last) > 5

        await until(settled, 120)
        return last[-1]

    def _busy(self) -> bool:
        due = {"not_before": {"$lte": clock.now()}}
        return any(
            self.collection(service, "outbox").count_documents({})
            or self.collection(service, "jobs").count_documents(due)
            for service in SERVICES
        )

    async def refusals(self) -> list[Refusal]:
        """What was answered to partners so far, oldest first."""
        bus = self.platform.site.address("bus")
        found = [one async for one in archive.BusReading(bus, [Refusal.topic])]
        found.sort(key=lambda one: (one.partition, one.offset))
        return [Refusal.model_validate_json(one.body) for one in found]

    async def records(self) -> list[Arrival]:
        """All that is on the bus, partners' messages too."""
        return [one async for one in archive.BusReading(self.platform.site.address("bus"), topics())]
