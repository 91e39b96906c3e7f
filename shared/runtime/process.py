"""One service as a process: start, loops, health, and one owner of SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import httpx
import structlog
import uvicorn
from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared import ids, logs
from shared.clock import now
from shared.contracts.catalogue import topics
from shared.contracts.envelope import Message
from shared.errors import RecoursError, Unavailable
from shared.objects import objects_of
from shared.runtime.checkpoints import Epochs
from shared.runtime.claims import Jobs
from shared.runtime.consumer import EventConsumer
from shared.runtime.declaration import Service
from shared.runtime.engine import Engine
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.running import Running
from shared.runtime.store import Conflict, Store
from shared.runtime.topics import apply_topics
from shared.settings import Settings
from shared.trust.keyring import Keyring
from shared.web.application import application

log = structlog.get_logger()
_T = TypeVar("_T")
DRAIN = 15.0
STALLED = timedelta(seconds=60)
CHECKPOINT_EVERY = 60.0


def run(service: Service, settings: Settings) -> None:
    """Run one service until SIGTERM or SIGINT, then drain. Exits non-zero when it cannot serve at all."""
    logs.configure(service.name, settings.replica, settings.log_level)
    try:
        asyncio.run(_Process(service, settings).serve())
    except RecoursError as error:
        log.critical("cannot-serve", code=error.code)
        sys.exit(1)


class _Server(uvicorn.Server):
    """Uvicorn without its hands on signals: the process owns them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Process:
    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._stopping = asyncio.Event()
        self._turned: dict[str, float] = {}
        self._bus = ",".join(settings.bus)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        async with self._assembled() as running:
            consumer = EventConsumer(
                self._service,
                running.engine,
                lambda: running.keys,
                bus=self._bus,
                name=f"{self._service.name}-{self._settings.replica}",
                outside=running.outside.receive,
                refresh=lambda: self._refresh_keys(running),
            )
            jobs = Jobs(running)
            server = self._web(running)
            loops = [
                asyncio.create_task(one)
                for one in (
                    self._consume(consumer),
                    self._every("wakes", 0.25, lambda: self._wakes(running, consumer)),
                    self._jobs(running, jobs),
                    self._every("outbox", 1.0, lambda: self._outbox(running)),
                    self._every("outside", 5.0, running.outside.sweep),
                    self._every("keys", 30.0, lambda: self._refresh_keys(running)),
                    self._every("gauges", 5.0, lambda: self._gauges(running, consumer)),
                    self._every("checkpoints", CHECKPOINT_EVERY, lambda: self._checkpoint(running)),
                )
            ]
            serving = asyncio.create_task(server.serve())
            log.info("started")
            await asyncio.wait(
                [asyncio.create_task(self._stopping.wait()), serving], return_when=asyncio.FIRST_COMPLETED
            )
            self._stopping.set()
            await self._drain(running, consumer, jobs, server, serving, loops)

    async def _drain(
        self,
        running: Running,
        consumer: EventConsumer,
        jobs: Jobs,
        server: _Server,
        serving: asyncio.Task[None],
        loops: list[asyncio.Task[None]],
    ) -> None:
        """Stop fetching and accepting, finish what is in hand, say the last checkpoint, leave."""
        server.should_exit = True
        for one in loops:
            one.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await asyncio.gather(consumer.stop(), jobs.drain(DRAIN), serving, return_exceptions=True)
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(DRAIN / 3):
                await self._checkpoint(running, final=True)
        await running.engine.publisher.stop()
        log.info("stopped")

    # ---- putting together

    @contextlib.asynccontextmanager
    async def _assembled(self) -> AsyncIterator[Running]:
        service, settings = self._service, self._settings
        writer = f"{settings.replica}-{ids.new()}"
        metrics = Metrics()
        async with contextlib.AsyncExitStack() as stack:
            store = Store(
                settings.store.get_secret_value(), settings.database(service.name), service, settings.partitions
            )
            stack.callback(store.close)
            keyring = await stack.enter_async_context(
                Keyring(settings.keyring, settings.keyring_token.get_secret_value())
            )
            objects = await stack.enter_async_context(objects_of(settings, service.name))
            http = await stack.enter_async_context(httpx.AsyncClient(timeout=20.0))
            await self._until_there("store", store.ensure)
            await self._until_there("objects", objects.ensure_bucket)
            signing = await self._until_there("keyring", lambda: keyring.signing_key(service.name))
            keys = await self._until_there("keyring", keyring.public_keys)
            publisher = Publisher(self._bus, store, metrics, idempotence=settings.bus_idempotence, owner=writer)
            await publisher.start()
            held: list[Running] = []
            engine = Engine(
                service, store, publisher, signing, lambda: held[0].keys if held else keys, Epochs(writer), metrics
            )
            running = Running(
                service,
                settings,
                writer=writer,
                store=store,
                engine=engine,
                keyring=keyring,
                signing=signing,
                keys=keys,
                objects=objects,
                http=http,
                metrics=metrics,
            )
            held.append(running)
            yield running

    async def _until_there(self, what: str, attempt: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                return await attempt()
            except Unavailable:
                log.warning("waiting-for", kind=what)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.5)
                raise Unavailable("Stopped before everything it needs was there.")

    def _web(self, running: Running) -> _Server:
        async def alive(_: Request) -> Response:
            late = [name for name, at in self._turned.items() if _age(at) > STALLED.total_seconds() * 2]
            return JSONResponse({"stalled": late}, 503 if late else 200)

        async def ready(_: Request) -> Response:
            there = await running.store.ping() and not self._stopping.is_set()
            return JSONResponse({"store": there}, 200 if there else 503)

        async def metrics(_: Request) -> Response:
            return Response(generate_latest(running.metrics.registry), media_type="text/plain; version=0.0.4")

        app = application(running, [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)])
        return _Server(
            uvicorn.Config(
                app,
                host=self._settings.listen_host,
                port=self._settings.listen_port,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=10,
            )
        )

    # ---- loops

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
            self._turned[name] = asyncio.get_running_loop().time()
            await asyncio.sleep(seconds)

    async def _consume(self, consumer: EventConsumer) -> None:
        while True:
            try:
                await apply_topics(self._bus, topics(), self._settings.partitions, self._settings.replication)
                await consumer.start()
            except Unavailable:
                log.warning("waiting-for", kind="bus")
            except Exception as error:  # a service that does not follow must not look healthy and be silent
                log.error("loop-failed", kind="consume", exc_info=error)
            else:
                return
            await asyncio.sleep(1.0)

    @staticmethod
    async def _wakes(running: Running, consumer: EventConsumer) -> None:
        await consumer.observe()
        by_horizon = [(number, consumer.progress.horizon(number)) for number in consumer.progress.live()]
        horizons = [horizon for _, horizon in by_horizon if horizon is not None]
        if not horizons:
            return
        for aggregate_id in await running.store.due_wakes([number for number, _ in by_horizon], min(horizons)):
            await running.engine.wake(aggregate_id, min(horizons))

    async def _jobs(self, running: Running, jobs: Jobs) -> None:
        """Claim at once when a transaction of this process left work, and now and then for what others left."""
        left = True

        async def turn() -> None:
            nonlocal left
            if left:
                with contextlib.suppress(Conflict):
                    await running.store.take_back(self._settings.replica, running.writer)
                    left = False
            running.engine.work.clear()
            await jobs.turn()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.engine.work.wait(), 0.5)

        await self._every("jobs", 0.02, turn)

    @staticmethod
    async def _outbox(running: Running) -> None:
        publisher = running.engine.publisher
        await publisher.forget()
        while await publisher.sweep():
            await publisher.forget()

    @staticmethod
    async def _refresh_keys(running: Running) -> None:
        running.keys = await running.keyring.public_keys()

    @staticmethod
    async def _gauges(running: Running, consumer: EventConsumer) -> None:
        metrics, waiting = running.metrics, await running.store.waiting(now())
        for kind in (worker.kind for worker in running.service.workers):
            count, oldest = waiting.jobs.get(kind, (0, 0.0))
            metrics.waiting.labels(kind).set(count)
            metrics.oldest.labels(kind).set(oldest)
        metrics.outbox.set(waiting.outbox_age)
        metrics.dead_letters.set(waiting.dead_letters)
        metrics.held.set(waiting.held)
        metrics.held_deadline.set(waiting.nearest_held_wake)
        if consumer.consumer is not None:
            for number, behind in consumer.progress.lag(consumer.consumer).items():
                metrics.lag.labels(str(number)).set(behind)

    @staticmethod
    async def _checkpoint(running: Running, *, final: bool = False) -> None:
        message = await running.engine.checkpoint(final=final)
        if message is not None:
            number = next(value.decode() for name, value in message.headers if name == "ce_sequence")
            name = f"checkpoint.{running.writer}.{number}"
            await running.objects.put(name, _one(message), length=None)


async def _one(message: Message) -> AsyncIterator[bytes]:
    yield message.model_dump_json().encode()


def _age(at: float) -> float:
    return asyncio.get_running_loop().time() - at
