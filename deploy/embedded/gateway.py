"""The gateway: one origin, a path per service, streaming both ways with flat memory.

``/evidence/…``, ``/legal/…``, ``/billing/…``, ``/notify/…`` go to those services, ``/pay/…`` to the payment page,
everything else to intake; paths pass unchanged. What a service shows to operators alone is not passed on. A service
that is down or says nothing is a 503 with ``Retry-After``: problem+json (RFC 9457), or the page for a browser. Only
silence counts: neither a body that still arrives nor an answer that still flows is ever cut for being long. Replicas
of a service take turns; one that does not accept, or breaks off before it answered what was only asked, is passed over.

``python -m deploy.embedded.gateway --host … --port … --route NAME=HOST:PORT[,HOST:PORT] … --default HOST:PORT``
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from starlette.requests import Request

from shared import logs
from shared.web.headers import FIXED, content_security_policy
from shared.web.problems import unavailable

from .hops import forwarded, passed_on
from .replicas import Replicas, replicas
from .serving import serve

INTERNAL = frozenset({"healthz", "readyz", "livez", "metrics"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_DOWN_AGAIN = 1
_SILENT_AGAIN = 5
_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, a service may say nothing. Each counts from the last byte that went either way.

    ``connect``: until it accepts. ``reading``: until its answer begins where it was only asked; a page's part waits no
    longer. ``working``: the same where it was sent something, which it may first have to seal and store. ``stalled``:
    within a body, in either direction.
    """

    connect: float = 2.0
    reading: float = 10.0
    working: float = 30.0
    stalled: float = 60.0


class Gateway:
    """ASGI application.

    Args:
        routes: ``host:port`` by first path segment, of several replicas with commas between them.
        default: the same for every other path.
        patience: how long a service may be silent.
    """

    def __init__(self, routes: Mapping[str, str], default: str, patience: Patience | None = None) -> None:
        self._routes = {name: replicas(addresses) for name, addresses in routes.items()}
        self._default = replicas(default)
        self._patience = patience or Patience()
        # The bare transport: no cookie jar that would be shared, no redirects, no header of its own.
        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=10)
        self._out = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": 1008})
            case _:
                await self._lifespan(receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        watching = [asyncio.create_task(one.watch(self._out)) for one in (*self._routes.values(), self._default)]
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
                await self._out.aclose()
                return

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        segments = scope["path"].split("/")
        if ".." in segments or "." in segments or "\\" in scope["path"]:
            await _problem(send, 400, "bad-path", "This address is malformed.")
            return
        if _is_internal(segments):
            await _problem(send, 404, "not-found", "Nothing is here for you.")
            return
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            # Whom to believe is what request smuggling lives on: RFC 9112, section 6.1.
            await _problem(send, 400, "two-lengths", "Send Content-Length or Transfer-Encoding, not both.", close=True)
            return
        upstream = self._routes.get(segments[1], self._default)
        client = _Client(receive)
        forwarding = asyncio.create_task(self._forward(scope, client, send, upstream))
        leaving = asyncio.create_task(client.gone.wait())
        try:
            await asyncio.wait({forwarding, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if client.answered:
                await asyncio.wait({forwarding})
        finally:
            # A client that left takes its request to the service with it.
            for task in (leaving, *(() if forwarding.done() else (forwarding,))):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await client.close()
        if forwarding.done() and not forwarding.cancelled():
            forwarding.result()

    async def _forward(self, scope: Any, client: _Client, send: Any, upstream: Replicas) -> None:
        *others, last = upstream.in_turn()
        for address in others:
            if await self._forward_to(scope, client, send, address, may_pass=True):
                return
            upstream.passed_over(address)
        await self._forward_to(scope, client, send, last, may_pass=False)

    async def _forward_to(self, scope: Any, client: _Client, send: Any, upstream: str, *, may_pass: bool) -> bool:
        """Whether this replica took it; with ``may_pass`` it did not where it surely did nothing of it."""
        began = False
        try:
            async with self._answer(scope, client, upstream) as answer:
                began = True
                head = {"type": "http.response.start", "status": answer.status_code}
                await send({**head, "headers": passed_on(answer.headers.raw)})
                if isinstance(answer.stream, httpx.AsyncByteStream):
                    async for chunk in answer.stream:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # From here on the server says "disconnected" although the client may well stay.
                client.answered = True
                await send({"type": "http.response.body", "body": b""})
        except httpx.TimeoutException as error:
            _log.warning("upstream-silent", address=upstream, exc_info=error)
            # Once the head is out only a broken connection can say that the body is not whole.
            if began:
                raise ConnectionResetError from error
            # A service that stands still still gets what its kernel accepts: it may do that work when it wakes.
            never_sent = isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            if may_pass and never_sent:
                return False
            await _away(scope, send, _SILENT_AGAIN, unsure=not never_sent and scope["method"] not in _READING)
        except httpx.TransportError as error:
            _log.warning("upstream-away", address=upstream, exc_info=error)
            if began:
                raise ConnectionResetError from error
            never_sent = isinstance(error, httpx.ConnectError)
            only_asked = scope["method"] in _READING and not _has_body(scope)
            if may_pass and (never_sent or only_asked):
                return False
            await _away(scope, send, _DOWN_AGAIN, unsure=not never_sent and scope["method"] not in _READING)
        return True

    @asynccontextmanager
    async def _answer(self, scope: Any, client: _Client, upstream: str) -> AsyncIterator[httpx.Response]:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = [*passed_on(scope["headers"]), *forwarded(scope)]
        has_body = _has_body(scope)
        if has_body and not any(name == b"content-length" for name, _ in headers):
            headers.append((b"transfer-encoding", b"chunked"))
        patience = self._patience
        times = {"connect": patience.connect, "write": patience.stalled, "pool": 5.0}
        times["read"] = patience.working if has_body else patience.reading
        request = httpx.Request(
            scope["method"],
            f"http://{upstream}/",
            headers=headers,
            stream=_Body(client.body()) if has_body else _Body(_nothing()),
            # `target` keeps the path and query byte for byte as the client wrote them.
            extensions={"target": target, "timeout": times},
        )
        answer = await self._out.handle_async_request(request)
        # The transport looks at it anew for the body: from here on only a standstill counts.
        times["read"] = patience.stalled
        try:
            yield answer
        finally:
            await answer.aclose()


class _Client:
    """The client's side of one request: its body once, then the news that it left (``gone``)."""

    def __init__(self, receive: Any) -> None:
        self.gone = asyncio.Event()
        self.answered = False
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=2)
        self._reading = asyncio.create_task(self._read(receive))

    async def body(self) -> AsyncGenerator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _read(self, receive: Any) -> None:
        more = True
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            if message.get("body") and more:
                await self._chunks.put(message["body"])
            if more and not message.get("more_body"):
                more = False
                await self._chunks.put(None)


class _Body(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        await self._chunks.aclose()


async def _nothing() -> AsyncGenerator[bytes]:
    empty: tuple[bytes, ...] = ()
    for chunk in empty:
        yield chunk


def _has_body(scope: Any) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def _is_internal(segments: list[str]) -> bool:
    """Whether a path (split at slashes, decoded) is of a service's own: ``/metrics``, ``/billing/healthz``."""
    named = [segment for segment in segments if segment]
    return any(segment in INTERNAL for segment in named[:2])


async def _away(scope: Any, send: Any, again_after: int, *, unsure: bool) -> None:
    response = unavailable(Request(scope), again_after, unsure=unsure)
    # No service answered, so its headers are ours to say.
    for name, value in (*FIXED.items(), ("Content-Security-Policy", content_security_policy())):
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    await response(scope, _no_more, send)


async def _no_more() -> Any:
    return {"type": "http.disconnect"}


async def _problem(send: Any, status: int, code: str, detail: str, *, close: bool = False) -> None:
    body = orjson.dumps({"type": "about:blank", "status": status, "code": code, "detail": detail})
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser(description="One origin for all services.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--route", action="append", default=[], metavar="NAME=HOST:PORT")
    parser.add_argument("--default", required=True, metavar="HOST:PORT")
    given = parser.parse_args()
    routes = dict(route.split("=", 1) for route in given.route)
    logs.configure("gateway")
    serve(Gateway(routes, given.default), given.host, given.port)


if __name__ == "__main__":
    main()
