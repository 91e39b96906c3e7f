"""The one thing that may be said of a deadline while the bus is away: a page to a human, and nothing else.

A wake waits until its partition was read; when the bus has been unreachable for a quarter of an hour, what a due wake
would say is computed, and where that calls a human, the team is told by mail. Nothing is stored or published.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from shared.clock import now
from shared.errors import Unavailable
from shared.mail import page_operators
from shared.runtime.declaration import Impossible, Recorded
from shared.runtime.folding import settle
from shared.runtime.topics import reachable

if TYPE_CHECKING:
    from shared.runtime.running import Running

log = structlog.get_logger()
PATIENCE = timedelta(minutes=15)


class Paging:
    """The pages of one process. Replicas may page about the same thing: their mails have the same Message-ID."""

    def __init__(self, running: Running, bus: str, *, patience: timedelta = PATIENCE) -> None:
        self._running = running
        self._bus = bus
        self._patience = patience
        self._away_since: datetime | None = None
        self._said: set[str] = set()

    async def turn(self) -> None:
        """See whether the bus answers; page what is due once it has been away for long. Raises Unavailable."""
        if await reachable(self._bus):
            self._running.metrics.bus_up.set(1)
            self._away_since = None
            self._said.clear()
            return
        self._running.metrics.bus_up.set(0)
        self._away_since = self._away_since or now()
        if now() - self._away_since < self._patience:
            return
        async for document in self._running.store.scan("states", {"wake": {"$lte": now()}, "held": 0}):
            for event in await self._foreseen(str(document["_id"])):
                await self._page(event)

    async def _foreseen(self, aggregate_id: str) -> list[Recorded]:
        """What the aggregate would say now that calls a human."""
        service = self._running.service
        declared = service.aggregate_of(aggregate_id)
        try:
            loaded = (await self._running.store.load({aggregate_id: (declared, "")}))[aggregate_id]
            said = settle(declared, service.name, loaded, now(), cause="bus-away", correlation="").events
        except Unavailable:
            raise
        except Exception as error:  # an aggregate that cannot speak holds none of the others
            log.error("page-not-foreseen", kind=declared.name, exc_info=error)
            return []
        return [one for one in said if one.event.calls_a_human]

    async def _page(self, event: Recorded) -> None:
        if event.id in self._said:
            return
        settings = self._running.settings
        try:
            await page_operators(
                settings,
                reason="bus-down",
                case=event.case,
                key=event.id,
                link=f"{settings.origin}/cases/{event.case}",
                now=now(),
                last_day=getattr(event.event, "last_day", None),
            )
        except Impossible as error:  # it would fail again each time: the log and the metric tell
            log.error("human-not-paged", topic=event.name, reason=error.reason)
        else:
            log.warning("human-paged", topic=event.name)
        self._said.add(event.id)
