"""Each request works in a trace: the caller's, where it names one (``traceparent``), else a new one."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import logs, trace


class Tracing:
    """ASGI middleware. The trace ids stand in every log line of the request, and in the events that it leads to."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with trace.followed(Headers(scope=scope).get("traceparent", "")) as traceparent, logs.bound(traceparent):
            await self.app(scope, receive, send)
