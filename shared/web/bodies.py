"""Request bodies, bounded: 64 KB unless a route asks for more before it reads.

A route that takes files reads them with ``streamed`` and its own limit, so that memory stays flat.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Refused

LIMIT: Final = 64 * 1024
LET_BY: Final = 64 * 1024 * 1024
"""What is let go by unread, at most, so that a browser which is still sending reads the answer."""

LET_BY_SECONDS: Final = 60
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
        self.declared = int(declared) if declared.isdigit() else 0
        self.ended = False

    async def __call__(self) -> Message:
        if self.declared > self.limit:
            raise TooLarge(self.limit)
        message = await self._receive()
        self.ended = self.ended or not message.get("more_body")
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


def may_go_by(request: Request) -> bool:
    """Whether ``let_by`` would see this body to its end, as far as its length was declared."""
    bounded: _Bounded | None = request.scope.get(_IN_SCOPE)
    return bounded is not None and bounded.declared <= LET_BY


async def let_by(request: Request, keep: int = 0) -> bytes:
    """Let what is left of a body go by, kept nowhere but for its first ``keep`` bytes. It gives up in silence."""
    bounded: _Bounded = request.scope[_IN_SCOPE]
    bounded.limit = LET_BY
    kept = bytearray()
    with suppress(TimeoutError, TooLarge):
        async with asyncio.timeout(LET_BY_SECONDS):
            while not bounded.ended:
                message = await bounded()
                kept += message.get("body", b"")[: keep - len(kept)]
    return bytes(kept)
