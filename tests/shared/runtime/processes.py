"""Toy services as real processes beside the engines of an embedded platform."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pymongo

from deploy.embedded.supervisor import Platform

ROOT = Path(__file__).resolve().parents[3]


async def until(condition: Callable[[], Awaitable[Any]], within: float = 90) -> Any:
    """The first true result of ``condition``; an AssertionError when it stays false."""
    last = None
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(asyncio.timeout(within))
            while True:
                with contextlib.suppress(httpx.TransportError):
                    last = await condition()
                    if last:
                        return last
                await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"still not so after {within} s: {last!r}") from None


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Toy:
    """One replica of a toy service."""

    def __init__(self, platform: Platform, name: str, replica: str = "1", **knobs: str) -> None:
        self.platform = platform
        self.name = name
        self.replica = replica
        self.knobs = knobs
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    async def start(self, **knobs: str) -> Toy:
        self.knobs |= knobs
        settings = self.platform.settings_for(self.name)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **settings,
            "RECOURS_LISTEN_PORT": str(self.port),
            "RECOURS_REPLICA": self.replica,
            **self.knobs,
        }
        log = self.platform.data / "logs" / f"toy-{self.name}-{self.replica}.log"
        with log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.shared.runtime.toy",
                self.name,
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        await until(self._ready)
        return self

    async def _ready(self) -> bool:
        if self.process is None or self.process.returncode is not None:
            raise AssertionError(f"{self.name} ended: read its log under {self.platform.data / 'logs'}")
        return (await self.client.get("/readyz")).status_code == 200

    async def kill(self) -> None:
        """Kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.send_signal(number)
        async with asyncio.timeout(40):
            return await self.process.wait()

    async def restart(self, **knobs: str) -> None:
        await self.kill()
        await self.start(**knobs)

    async def act(self, case: str, what: str, at_most: int = 3) -> httpx.Response:
        return await self.client.post(f"/{self.name}/toy/{case}", json={"what": what, "at_most": at_most})

    async def look(self, case: str) -> dict[str, Any]:
        """The state of the case; asked again while the service says to try again."""
        async with asyncio.timeout(60):
            while (answer := await self.client.get(f"/{self.name}/toy/{case}")).status_code == 503:  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.2)
        answer.raise_for_status()
        return answer.json()


@contextlib.asynccontextmanager
async def toys(platform: Platform, *wanted: Toy) -> AsyncIterator[None]:
    """The toys, started together and ended at the end."""
    try:
        await asyncio.gather(*(one.start() for one in wanted))
        yield
    finally:
        await asyncio.gather(*(one.stop() for one in wanted))
        await asyncio.gather(*(one.client.aclose() for one in wanted))


_CLIENTS: dict[str, Any] = {}


def database(platform: Platform, service: str) -> Any:
    """A toy's own database, seen from outside."""
    url = platform.settings_for(service)["RECOURS_STORE"]
    if url not in _CLIENTS:
        _CLIENTS[url] = pymongo.MongoClient(url, tz_aware=True)
    return _CLIENTS[url][f"recours_{service}"]


def close_databases() -> None:
    """Close what ``database`` opened."""
    while _CLIENTS:
        _CLIENTS.popitem()[1].close()
