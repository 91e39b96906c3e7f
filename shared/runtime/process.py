"""One service as a process: start, loops, health, and one owner of SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

import httpx
import structlog
import uvicorn

from shared import ids, logs
from shared.contracts.catalogue import topics
from shared.errors import RecoursError, Unavailable
from shared.objects import objects_of
from shared.runtime.checkpoints import Epochs
from shared.runtime.declaration import Service
from shared.runtime.ending import ended
from shared.runtime.engine import Engine
from shared.runtime.health import Health
from shared.runtime.loops import Loops
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.returning import take_back
from shared.runtime.running import Running
from shared.runtime.store import Store
from shared.runtime.topics import apply_topics
from shared.runtime.writing import Writing
from shared.settings import Settings
from shared.trust.keyring import Keyring
from shared.web.application import application

log = structlog.get_logger()
_T = TypeVar("_T")
DRAIN = 15.0
"""Seconds that what is in hand has to end."""


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
        self._bus = ",".join(settings.bus)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        async with self._assembled() as running:
            health = Health(running.store, running.metrics, self._stopping)
            loops = Loops(running, health, self._bus)
            server = self._web(running, health)
            serving = asyncio.create_task(server.serve())
            working = asyncio.create_task(self._work(running, health, loops))
            stopped = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([stopped, serving, working], return_when=asyncio.FIRST_COMPLETED)
            self._stopping.set()
            failed = working.done()
            await self._drain(running, loops, server, serving, working)
            if failed:
                await working

    async def _work(self, running: Running, health: Health, loops: Loops) -> None:
        """Take back what the store lost, undo what the keyring got back, open the door, turn. Raises RecoursError."""
        settings = self._settings
        await self._until_there(
            "bus", lambda: apply_topics(self._bus, topics(), settings.partitions, settings.replication)
        )
        await self._until_there("bus", lambda: take_back(self._service, running.store, self._bus, running.keys))
        await self._until_there("keyring", loops.lasting.before_serving)
        health.opened.set()
        log.info("started")
        await loops.turn()

    async def _drain(
        self,
        running: Running,
        loops: Loops,
        server: _Server,
        serving: asyncio.Task[None],
        working: asyncio.Task[None],
    ) -> None:
        """Stop fetching and accepting, finish what is in hand, say the last checkpoint, leave."""
        server.should_exit = True
        await ended(working)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await asyncio.gather(loops.consumer.stop(), loops.jobs.drain(DRAIN), serving, return_exceptions=True)
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(DRAIN / 3):
                await loops.checkpoint(final=True)
        await running.engine.writing.publisher.stop()
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
            writing = Writing(service, store, publisher, signing, Epochs(writer), metrics)
            engine = Engine(writing, lambda: held[0].keys if held else keys)
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
                async with asyncio.timeout(0.5):
                    await self._stopping.wait()
                raise Unavailable("Stopped before everything it needs was there.")

    def _web(self, running: Running, health: Health) -> _Server:
        return _Server(
            uvicorn.Config(
                health.door(application(running, health.routes())),
                host=self._settings.listen_host,
                port=self._settings.listen_port,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=10,
            )
        )
