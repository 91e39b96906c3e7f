"""Waiting until the services have read all that they follow."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.audit.sites import declaration
from deploy.demo.client import until
from deploy.embedded.site import SERVICES
from deploy.embedded.supervisor import Platform
from shared.contracts.catalogue import topics
from shared.runtime import archive

PATIENCE = 180.0
"""Seconds for the last events to be read; a busy machine takes some."""


async def rest(platform: Platform) -> None:
    """Return once every service has read what the bus has for it. Raises Failed where one does not come to it."""

    async def read() -> bool | None:
        return None if await unread(platform) else True

    await until("all events to be read by those who follow them", read, PATIENCE)


async def unread(platform: Platform) -> list[str]:
    """The services that have not yet read all that they follow. Raises Unavailable."""
    reading = archive.BusReading(platform.site.address("bus"), topics())
    async for _ in reading:
        pass
    return [name for name in SERVICES if not await _has_read(platform, name, reading.ends)]


async def _has_read(platform: Platform, name: str, ends: Mapping[tuple[str, int], int]) -> bool:
    service = declaration(name)
    followed = {one.name for one in service.follows} | {one.message.topic for one in service.accepts}
    done = await archive.committed(platform.site.address("bus"), f"recours-{name}", followed)
    return all(done.get(place, 0) >= end for place, end in ends.items() if place[0] in followed)
