"""The outside world of the toy services: an HTTP server that notes which jobs were done, and how often."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from typing import Self


class Recorder:
    """``done``: how often each job reached the outside. ``failing``: it answers 503 and does nothing."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.failing = False
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def doubled(self) -> int:
        """How many jobs reached the outside more than once."""
        return sum(times > 1 for times in self.done.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:"))
            said = json.loads(await reader.readexactly(length))
            if not self.failing:
                self.done[said["job"]] += 1
            status = b"503 Service Unavailable" if self.failing else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        writer.close()
