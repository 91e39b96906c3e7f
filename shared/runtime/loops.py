"""What a service does beside answering: consume, wake, work, publish leftovers, measure, say checkpoints."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from shared.clock import now
from shared.errors import Unavailable
from shared.runtime.claims import Jobs
from shared.runtime.consumer import EventConsumer
from shared.runtime.documents import Writes
from shared.runtime.ending import ended
from shared.runtime.health import Health
from shared.runtime.lasting import Undone
from shared.runtime.marks import FOLLOWED, PUBLISHED, mark
from shared.runtime.paging import Paging
from shared.runtime.running import Running
from shared.runtime.transactions import Conflict

log = structlog.get_logger()
CHECKPOINT_EVERY = 60.0


class Loops:
    """The loops of one process, each a task that turns until it is cancelled."""

    def __init__(self, running: Running, health: Health, bus: str) -> None:
        self._running = running
        self._health = health
        self._left = True
        self._paging = Paging(running, bus)
        self.lasting = Undone(running, bus)
        self.jobs = Jobs(running)
        self.consumer = EventConsumer(
            running.service,
            running.engine,
            lambda: running.keys,
            bus=bus,
            name=f"{running.service.name}-{running.settings.replica}",
            outside=running.outside.receive,
            refresh=self._refresh_keys,
            marks=lambda: running.store.marks(FOLLOWED),
        )

    async def turn(self) -> None:
        """Turn all of them until cancelled, or until the consumer can never work again. Raises Unavailable then."""
        turns: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {
            "wakes": (0.25, self._wakes),
            "jobs": (0.02, self._work),
            "outbox": (1.0, self._outbox),
            "outside": (5.0, self._running.outside.sweep),
            "keys": (30.0, self._refresh_keys),
            "gauges": (5.0, self._gauges),
            "checkpoints": (CHECKPOINT_EVERY, self.checkpoint),
            "paging": (15.0, self._paging.turn),
            "lasting": (15.0, self.lasting.turn),
        }
        tasks = [asyncio.create_task(self._every(name, seconds, one)) for name, (seconds, one) in turns.items()]
        try:
            await self._consume()
        finally:
            await ended(*tasks)

    async def checkpoint(self, *, final: bool = False) -> None:
        """Say what was stored since the last one, on the bus and as an object; note how far the bus was followed."""
        await self._running.engine.checkpoints.keep(self._running.objects, final=final)
        marks = {mark(FOLLOWED, *place): offset for place, offset in self.consumer.progress.reached().items()}
        marks |= {mark(PUBLISHED, *place): at for place, at in self._running.engine.writing.publisher.reached.items()}
        if marks:
            with contextlib.suppress(Conflict):  # another replica writes the same ones: they are as good
                await self._running.store.write(Writes(marks=marks), now=now())

    async def _every(self, name: str, seconds: float, turn: Callable[[], Awaitable[object]]) -> None:
        """Turn for ever; an outage is waited out, anything else is logged and the loop goes on."""
        while True:
            try:
                await turn()
            except Unavailable as error:
                log.warning("loop-waits", kind=name, code=error.code)
                await asyncio.sleep(1.0)
            except Exception as error:
                log.error("loop-failed", kind=name, exc_info=error)
                await asyncio.sleep(1.0)
            self._health.turned(name)
            await asyncio.sleep(seconds)

    async def _consume(self) -> None:
        while True:
            try:
                await self.consumer.start()
            except Unavailable:
                log.warning("waiting-for", kind="bus")
            except Exception as error:  # a service that does not follow must not look healthy and be silent
                log.error("loop-failed", kind="consume", exc_info=error)
            else:
                break
            await asyncio.sleep(1.0)
        while not self.consumer.broken:  # noqa: ASYNC110 - the client gives no event for it
            await asyncio.sleep(5.0)
        raise Unavailable("The bus's client gave up its group for good: start the service again.")

    async def _wakes(self) -> None:
        running, progress = self._running, self.consumer.progress
        await self.consumer.observe()
        by_horizon = [(number, progress.horizon(number)) for number in progress.live()]
        horizons = [horizon for _, horizon in by_horizon if horizon is not None]
        if not horizons:
            return
        for aggregate_id in await running.store.due_wakes([number for number, _ in by_horizon], min(horizons)):
            await running.engine.wakes.wake(aggregate_id, min(horizons))

    async def _work(self) -> None:
        """Claim at once when a transaction of this process left work, and now and then for what others left."""
        running = self._running
        if self._left:
            with contextlib.suppress(Conflict):
                await running.store.reclaim(running.settings.replica, running.writer)
                self._left = False
        running.engine.writing.work.clear()
        await self.jobs.turn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await running.engine.writing.work.wait()

    async def _outbox(self) -> None:
        publisher = self._running.engine.writing.publisher
        await publisher.forget()
        while await publisher.sweep():
            await publisher.forget()

    async def _refresh_keys(self) -> None:
        """Public keys as they are now, and the service's own one where it was rotated."""
        running = self._running
        running.keys = await running.keyring.public_keys()
        signing = await running.keyring.signing_key(running.service.name)
        if signing.key_id != running.signing.key_id:
            running.signing = running.engine.writing.signer = signing
            log.info("signing-key-changed", key=signing.key_id)

    async def _gauges(self) -> None:
        metrics, waiting = self._running.metrics, await self._running.store.waiting(now())
        for kind, (count, oldest) in waiting.jobs.items():
            metrics.waiting.labels(kind).set(count)
            metrics.oldest.labels(kind).set(oldest)
        metrics.outbox.set(waiting.outbox_age)
        metrics.dead_letters.set(waiting.dead_letters)
        metrics.held.set(waiting.held)
        metrics.held_deadline.set(waiting.nearest_held_wake)
        if self.consumer.consumer is not None:
            for number, behind in self.consumer.progress.lag(self.consumer.consumer).items():
                metrics.lag.labels(str(number)).set(behind)
