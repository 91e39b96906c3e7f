"""Request bodies, bounded: 64 KB unless a route asks for more before it reads.

A route that takes files reads them with ``streamed`` and its own limit, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Refused

LIMIT: Final = 64 * 1024
_IN_SCOPE: Final = "recours.body"


class TooLarge(Refused):
    """The body is over the route's limit (HTTP 413)."""

    def __init__(self, limit: int) -> None:
        super().__init__("too-large", f"Send at most {limit} bytes: shorten the request or split it.")
        self.limit = limit


class _Bounded:
    """Counts what is received of one request and refuses what goes beyond ``limit``."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.limit = LIMIT
        self._receive = receive
        self._seen = 0
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        self._declared = int(declared) if declared.isdigit() else 0

    async def __call__(self) -> Message:
        if self._declared > self.limit:
            raise TooLarge(self.limit)
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self.limit:
            raise TooLarge(self.limit)
        return message


class BodyLimit:
    """ASGI middleware: every body is refused beyond 64 KB, or beyond what its route allowed itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bounded = _Bounded(scope, receive)
        await self._app({**scope, _IN_SCOPE: bounded}, bounded, send)


async def streamed(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body in chunks as they arrive, at most ``limit`` bytes in all.

    Raises:
        TooLarge: before the first byte where Content-Length says so, else at the chunk that goes beyond.
    """
    request.scope[_IN_SCOPE].limit = limit
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def whole(request: Request, limit: int = LIMIT) -> bytes:
    """The whole body in memory. Raises TooLarge over ``limit`` bytes."""
    request.scope[_IN_SCOPE].limit = limit
    return await request.body()
