"""The outside world of the toy services: an HTTP server that notes which jobs were done, and how often."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator

from tests.faults.loopback import answering


class Recorder:
    """``done``: how often each job reached the outside. ``failing``: it answers 503 and does nothing."""

    def __init__(self) -> None:
        self.url = ""
        self.done: Counter[str] = Counter()
        self.failing = False

    def doubled(self) -> int:
        """How many jobs reached the outside more than once."""
        return sum(times > 1 for times in self.done.values())

    async def answer(self, body: bytes) -> bytes:
        said = json.loads(body)
        if not self.failing:
            self.done[said["job"]] += 1
        status = b"503 Service Unavailable" if self.failing else b"200 OK"
        return b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@contextlib.asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """A recorder that listens."""
    recorder = Recorder()
    async with answering(recorder.answer) as recorder.url:
        yield recorder
