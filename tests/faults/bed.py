"""The test bed: engines, some behind proxies, the toy services' outside, and how to know that all has settled."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pymongo

from deploy.embedded.child import Child
from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engines.store import store
from deploy.embedded.ports import HOST
from deploy.embedded.site import Site
from deploy.embedded.supervisor import Platform
from shared.runtime.archive import committed
from tests.faults.invariants import Seen, every_record_is_accounted_for, see, violations
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.recorder import Recorder, recording
from tests.faults.replicas import Replica
from tests.faults.services import SERVICES
from tests.shared.runtime.processes import free_port

BOUND = 150.0
"""Seconds within which everything has to settle after a fault; each fault's own bound is asserted where it is less."""


@dataclass
class Bed:
    """One platform without services, the proxies before its engines, and the outside."""

    platform: Platform
    store: Proxy
    bus: Proxy
    objects: Proxy
    recorder: Recorder
    client: Any
    sick: set[str] = field(default_factory=set)
    """Cases that earlier tests left held, on purpose."""

    def replica(self, name: str, number: int = 1, **knobs: str) -> Replica:
        """A replica of a toy service that reaches store, bus and objects through the proxies."""
        return Replica(
            self.platform,
            name,
            number,
            **{
                "RECOURS_STORE": f"mongodb://{HOST}:{self.store.port}/?directConnection=true",
                "RECOURS_OBJECTS": f"{HOST}:{self.objects.port}",
                "RECOURS_BUS": self.bus_address,
                "FAULTS_OUTSIDE": self.recorder.url,
                **knobs,
            },
        )

    @property
    def bus_address(self) -> str:
        return f"{HOST}:{self.bus.port}"

    def database(self, service: str) -> Any:
        """A service's store, seen from outside and not through the proxy."""
        return self.client[f"recours_{service}"]

    async def see(self) -> Seen:
        return await see(self.bus_address, {name: self.database(name) for name in SERVICES})

    async def committed_but_nowhere(self) -> list[str]:
        """I7 at any moment, also while a service is dead: what its group has committed is in its store."""
        below: dict[tuple[str, str, int], int] = {}
        for service in SERVICES.values():
            topics = [one.name for one in service.follows]
            offsets = await committed(self.bus_address, f"recours-{service.name}", topics)
            below |= {(service.name, topic, number): offset for (topic, number), offset in offsets.items()}
        return list(every_record_is_accounted_for(await self.see(), below))

    async def settled(
        self, load: Load | None = None, *, alone: bool = False, within: float = BOUND
    ) -> tuple[float, list[str]]:
        """Wait until nothing is wrong; gives after how many seconds, and what is still wrong when that is too long.

        ``alone``: only what concerns the cases of this load is looked at.
        """
        begin = time.monotonic()
        while True:
            seen = await self.see()
            found = violations(seen.narrowed(load.played) if alone and load else seen, load, sick=self.sick)
            took = time.monotonic() - begin
            if not found or took > within:
                return took, found
            await asyncio.sleep(0.5)  # asked without a pause, the store would have no time for the services

    async def sound(self, load: Load | None = None, *, within: float = BOUND) -> float:
        """Assert that everything settles and nothing is wrong; gives after how many seconds."""
        took, found = await self.settled(load, within=within)
        assert not found, f"{len(found)} violations after {took:.0f} s:\n" + "\n".join(found[:20])
        return took


@contextlib.asynccontextmanager
async def bed(directory: Path, engines: EngineSet, *, synced: bool = True) -> AsyncIterator[Bed]:
    """The bed, started. ``synced`` false: the store does not write to disk at each commit (a planted defect)."""
    async with contextlib.AsyncExitStack() as stack:
        advertised = free_port()
        makers: dict[str, Any] = {**engines.makers, "bus": _advertising(engines.makers["bus"], advertised)}
        if not synced:
            makers["store"] = _unsynced
        platform = await stack.enter_async_context(
            Platform(directory, services=(), engines=replace(engines, makers=makers))
        )
        ports = platform.site.ports
        store_proxy = await stack.enter_async_context(Proxy(ports["store"]))
        bus_proxy = await stack.enter_async_context(Proxy(ports["bus"], port=advertised))
        objects_proxy = await stack.enter_async_context(Proxy(ports["objects"]))
        recorder = await stack.enter_async_context(recording())
        client: Any = stack.enter_context(pymongo.MongoClient(platform.site.store_url, tz_aware=True))
        yield Bed(platform, store_proxy, bus_proxy, objects_proxy, recorder, client)


def _advertising(maker: Any, port: int) -> Any:
    """The bus as it is, but telling its clients to come to this port."""

    def made(site: Site) -> Child:
        child: Child = maker(site)
        own, other = f"tcp://{site.address('bus')}", f"tcp://{HOST}:{port}"
        command = list(child.command)
        if "--advertised-listener-url" not in command:
            raise AssertionError("Only the embedded bus is told here where its clients come: use --engines embedded.")
        at = command.index("--advertised-listener-url") + 1
        assert command[at] == own
        command[at] = other
        return replace(child, command=tuple(command))

    return made


def _unsynced(site: Site) -> Child:
    child = store(site)
    return replace(child, command=tuple(one for one in child.command if one != "--sync-on-commit"))


def by_service(*replicas: Replica) -> Mapping[str, list[Replica]]:
    """Replicas as the load takes them."""
    found: dict[str, list[Replica]] = {}
    for one in replicas:
        found.setdefault(one.name, []).append(one)
    return found
