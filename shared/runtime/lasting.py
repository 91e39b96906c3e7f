"""What has to stay done in the keyring and in the bucket: done again where a backup of them was restored.

Each place keeps marks as the store does (docs/adr/0012, 0013): offsets of the bus below which everything that was said
is done there. A restored backup brings the marks of its time back with it; so what was said since is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import structlog

from shared.contracts.envelope import Message, decode
from shared.contracts.intake import CaseErased
from shared.errors import BrokenContract, NotFound, Unavailable
from shared.runtime.archive import BusReading
from shared.runtime.declaration import Lasting, Recorded
from shared.runtime.documents import message_of
from shared.runtime.marks import FOLLOWED, PUBLISHED, Place
from shared.runtime.messages import Arrival, read, verify
from shared.trust.sealing import OPENERS
from shared.trust.vault import AlreadyThere

if TYPE_CHECKING:
    from shared.runtime.running import Running

log = structlog.get_logger()
AT_ONCE = 16
"""Facts looked at together."""
BUCKET_MARKS = "marks.bus"
"""The object that holds a bucket's marks."""


class Undone:
    """What one service declares as lasting, looked at from the marks of each place to the end of the bus."""

    def __init__(self, running: Running, bus: str) -> None:
        self._running = running
        self._bus = bus

    async def before_serving(self) -> None:
        """Do again what must not be served without. Raises Unavailable: to be repeated; others have to do theirs."""
        own = [one for one in self._running.service.lasting if one.before_serving]
        for one in own:
            await self._bring_up(one, *await self._marks(one))
        if not any(CaseErased in one.facts for one in own):
            await self._no_key_of_an_erased_case()

    async def turn(self) -> None:
        """Bring up each place whose marks are behind what this service knows of. Raises Unavailable."""
        if not self._running.service.lasting:
            return
        seen = {**await self._running.store.marks(PUBLISHED), **await self._running.store.marks(FOLLOWED)}
        for one in self._running.service.lasting:
            topics = {fact.name for fact in one.facts}
            marks, version = await self._marks(one)
            if any(offset > marks.get(place, 0) for place, offset in seen.items() if place[0] in topics):
                await self._bring_up(one, marks, version)

    async def _bring_up(self, one: Lasting, marks: Mapping[Place, int], version: int) -> None:
        reading = BusReading(self._bus, [fact.name for fact in one.facts], since=marks)
        batch: list[Arrival] = []
        async for record in reading:
            batch.append(record)
            if len(batch) == AT_ONCE:
                await self._look(one, batch)
                batch.clear()
        await self._look(one, batch)
        with contextlib.suppress(AlreadyThere):  # another replica was here: the next turn reads what it wrote
            await self._write(one, {**marks, **reading.ends}, version)

    async def _look(self, one: Lasting, records: list[Arrival]) -> None:
        async with _unwrapped() as group:
            for record in records:
                group.create_task(self._again(one, record))

    async def _again(self, one: Lasting, record: Arrival) -> None:
        fact = await self._believed(record)
        found = "" if fact is None else await one.again(fact, self._running)
        if fact is not None and found:
            log.warning("found-undone", reason=found, case_id=fact.case)
            self._running.metrics.undone.labels(found).inc()

    async def _believed(self, record: Arrival) -> Recorded | None:
        """What a record says, where its signature or this service's own store vouches for it."""
        try:
            fact = read(record.headers, record.body, topic=record.topic)
            try:
                verify(record.headers, record.body, self._running.keys)
            except BrokenContract:
                # A restored keyring may lack a key of later; what the service itself stored needs none.
                message = Message(topic=record.topic, key=record.key, headers=record.headers, body=record.body)
                if [message_of(one) for one in await self._running.store.events([fact.id])] != [message]:
                    raise
        except BrokenContract:
            log.error("fact-not-believed", topic=record.topic, partition=record.partition, offset=record.offset)
            return None
        return fact

    async def _no_key_of_an_erased_case(self) -> None:
        """Wait for whoever destroys keys. Nothing is believed here: the keyring's marks move past what is forged."""
        purposes = OPENERS.get(self._running.service.name, frozenset())
        marks = _places((await self._running.keyring.marks())[0])
        async for record in BusReading(self._bus, [CaseErased.name], since=marks):
            with contextlib.suppress(BrokenContract):
                case = decode(record.headers).subject
                if await self._running.keyring.purposes_kept(case, purposes):
                    raise Unavailable("The keyring holds keys of an erased case again: intake has to destroy them.")

    # ---- marks of a place

    async def _marks(self, one: Lasting) -> tuple[dict[Place, int], int]:
        if one.place == "keyring":
            upto, version = await self._running.keyring.marks()
            return _places(upto), version
        try:
            content = b"".join([chunk async for chunk in self._running.objects.get(BUCKET_MARKS)])
        except NotFound:
            return {}, 0
        return _places(json.loads(content)), 0

    async def _write(self, one: Lasting, marks: Mapping[Place, int], version: int) -> None:
        upto = {f"{topic}/{partition}": offset for (topic, partition), offset in sorted(marks.items())}
        if one.place == "keyring":
            await self._running.keyring.mark(upto, version)
        else:
            await self._running.objects.put(BUCKET_MARKS, _one(json.dumps(upto).encode()))


@contextlib.asynccontextmanager
async def _unwrapped() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error of its tasks as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _places(upto: Mapping[str, int]) -> dict[Place, int]:
    return {(topic, int(partition)): offset for name, offset in upto.items() for topic, partition in [name.split("/")]}


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
