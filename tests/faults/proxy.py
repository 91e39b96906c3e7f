"""A TCP proxy between a service and what it needs: late, cut, silent, or stopping in the middle of an answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal, Self

from tests.shared.runtime.processes import free_port

Mode = Literal["pass", "refuse", "silent", "half"]
CHUNK = 64 * 1024


class Proxy:
    """Forwards its ``port`` to another; what it does to traffic may be changed at any time.

    ``mode``: ``pass``; ``refuse`` (new connections are cut at once); ``silent`` (accepts, forwards nothing);
    ``half`` (each connection is cut after half of the next answer). ``latency``: seconds added to each answer.
    """

    def __init__(self, upstream: int, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.mode: Mode = "pass"
        self.latency = 0.0
        self.cuts = 0
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every open connection."""
        for writer in tuple(self._open):
            self.cuts += 1
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self.mode == "refuse":
                return
            with contextlib.suppress(OSError):
                answers, far = await asyncio.open_connection("127.0.0.1", self._upstream)
                self._open.add(far)
                ways = [self._copy(reader, far, answering=False), self._copy(answers, writer, answering=True)]
                both = [asyncio.ensure_future(one) for one in ways]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            for end in (writer, far):
                if end is not None:
                    self._open.discard(end)
                    end.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answering: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                while self.mode == "silent":  # noqa: ASYNC110 - plain attributes are what a test sets
                    await asyncio.sleep(0.05)
                if answering and self.mode == "half":
                    self.cuts += 1
                    target.write(data[: len(data) // 2])
                    await target.drain()
                    return
                if answering and self.latency:
                    await asyncio.sleep(self.latency)
                target.write(data)
                await target.drain()
