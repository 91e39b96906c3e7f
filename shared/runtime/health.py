"""What a process says of itself to those who run it: alive, ready, metrics; and the door that is shut until then."""

from __future__ import annotations

import asyncio

from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.runtime.metrics import Metrics
from shared.runtime.store import Store
from shared.web.problems import unavailable

STALLED = 120.0
"""Seconds after which a loop that did not turn is dead. An outage that it waits out counts as turning."""
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class Health:
    """The health of one process. ``opened`` is set once it may write, ``stopping`` once it should leave."""

    def __init__(self, store: Store, metrics: Metrics, stopping: asyncio.Event) -> None:
        self.opened = asyncio.Event()
        self._store = store
        self._metrics = metrics
        self._stopping = stopping
        self._turned: dict[str, float] = {}

    def turned(self, loop: str) -> None:
        """A loop has turned."""
        self._turned[loop] = asyncio.get_running_loop().time()

    def routes(self) -> list[Route]:
        """``/healthz`` (200 while every loop turns), ``/readyz`` (200 while it can serve), ``/metrics``."""
        return [Route("/healthz", self._alive), Route("/readyz", self._ready), Route("/metrics", self._told)]

    def door(self, app: ASGIApp) -> ASGIApp:
        """The application, which answers 503 to everything but the routes above until it is opened."""

        async def shut(scope: Scope, receive: Receive, send: Send) -> None:
            if self.opened.is_set() or scope["type"] != "http" or scope["path"] in OPEN_PATHS:
                await app(scope, receive, send)
            else:
                await unavailable(Request(scope), 2)(scope, receive, send)

        return shut

    async def _alive(self, _: Request) -> Response:
        now = asyncio.get_running_loop().time()
        late = [name for name, at in self._turned.items() if now - at > STALLED]
        return JSONResponse({"stalled": late}, 503 if late else 200)

    async def _ready(self, _: Request) -> Response:
        there = await self._store.ping()
        serving = there and self.opened.is_set() and not self._stopping.is_set()
        return JSONResponse({"store": there, "open": self.opened.is_set()}, 200 if serving else 503)

    async def _told(self, _: Request) -> Response:
        return Response(generate_latest(self._metrics.registry), media_type="text/plain; version=0.0.4")
