"""A service inside its process: what its workers and routes may use."""

from __future__ import annotations

from typing import Any

import httpx

from shared.contracts.envelope import Message
from shared.objects import Objects
from shared.runtime.answers import Answer
from shared.runtime.declaration import Recorded, Service, key_of
from shared.runtime.engine import Engine
from shared.runtime.metrics import Metrics
from shared.runtime.outside import Outside
from shared.runtime.store import Store
from shared.settings import Settings
from shared.trust.keyring import Keyring
from shared.trust.sealing import Purpose, open_sealed
from shared.trust.signing import KeySet, SigningKey


class Answers:
    """Answers kept for repeated requests."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, scope: str, key: str) -> Answer | None:
        """The answer of this scope and key. Raises StoreDown."""
        found = await self._store.find("answers", f"{scope}/{key}")
        if found is None:
            return None
        return Answer(found["_id"], found["body_hmac"], found["sealed"], found["expires"])


class Running:
    """One service, its settings and its clients. ``writer`` names this run of this replica."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        *,
        writer: str,
        store: Store,
        engine: Engine,
        keyring: Keyring,
        signing: SigningKey,
        keys: KeySet,
        objects: Objects,
        http: httpx.AsyncClient,
        metrics: Metrics,
    ) -> None:
        self.service = service
        self.settings = settings
        self.writer = writer
        self.store = store
        self.engine = engine
        self.keyring = keyring
        self.signing = signing
        self.keys = keys
        self.objects = objects
        self.http = http
        self.metrics = metrics
        self.answers = Answers(store)
        self.outside = Outside(self)
        self.carry_out = engine.commands.carry_out  # what every worker and route calls
        self.tools: Any = service.tools(self) if service.tools else None

    async def load(self, aggregate: str, key: str) -> Any:
        """The state of an aggregate, blank where nothing is known. Raises StoreDown."""
        declared = self.service.aggregate(aggregate)
        one = declared.id(self.service.name, key)
        return (await self.store.load({one: (declared, key)}))[one].state

    async def children(self, aggregate: str, case: str) -> list[tuple[str, Any]]:
        """Key and state of every aggregate of that kind of one case."""
        return [(key_of(one.id), one.state) for one in await self.store.page(aggregate, case=case, limit=10_000)]

    async def cases(self, aggregate: str, *, after: str | None = None, limit: int = 50) -> list[tuple[str, Any]]:
        """Key and state of aggregates of that kind, a page at a time; ``after`` is the last key of the page before."""
        return [(key_of(one.id), one.state) for one in await self.store.page(aggregate, before=after, limit=limit)]

    async def resolve(self, reference: str) -> str | None:
        """The key of the aggregate that a reference names."""
        found = await self.store.resolve(reference)
        return None if found is None else key_of(found)

    async def resolve_case(self, reference: str) -> str | None:
        """The case of the aggregate that a reference names."""
        found = await self.store.resolve(reference)
        if found is None:
            return None
        declared = self.service.aggregate_of(found)
        return (await self.store.load({found: (declared, "")}))[found].case

    async def knows(self, case: str) -> bool:
        """Whether this service has heard of the case."""
        declared = self.service.aggregate(self.service.unreadable)
        one = declared.id(self.service.name, case)
        return (await self.store.load({one: (declared, case)}))[one].revision > 0

    async def reveal(self, case: str, purpose: Purpose | str, sealed: str) -> Any:
        """What a sealed value says.

        Raises:
            KeysDestroyed: the case was erased. Unavailable: the keyring does not answer.
        """
        return open_sealed(sealed, await self.keyring.case_identity(case, Purpose(purpose)))

    async def events_of(self, aggregate: str, key: str) -> list[Recorded]:
        """An aggregate's own events in sequence order."""
        return await self.store.own_events(self.service.aggregate(aggregate).id(self.service.name, key))

    async def messages_of_case(self, case: str) -> list[Message]:
        """The messages by which this service has told of the case, oldest first."""
        return await self.store.messages_of_case(case)
