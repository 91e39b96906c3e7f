"""Replicas of the toy services as real processes, with failpoints, mutations and what they need behind proxies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import httpx

from deploy.embedded.supervisor import Platform
from tests.shared.runtime.processes import ROOT, free_port, until


class Replica:
    """One replica of a toy service. ``knobs`` go to its environment over the platform's settings."""

    def __init__(self, platform: Platform, name: str, number: int = 1, **knobs: str) -> None:
        self.name = name
        self.platform = platform
        self.number = number
        self.knobs = knobs
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)
        self._armed = platform.data / f"armed-{name}-{number}"
        self.log = platform.data / "logs" / f"faulty-{name}-{number}.log"

    async def begin(self, **knobs: str) -> None:
        """Start the process, without waiting until it is ready."""
        self._armed.unlink(missing_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **self.platform.settings_for(self.name),
            "RECOURS_LISTEN_PORT": str(self.port),
            "RECOURS_REPLICA": str(self.number),
            "FAULTS_ARMED": str(self._armed),
            **self.knobs,
            **knobs,
        }
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.faulty", self.name),
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )

    async def start(self, **knobs: str) -> None:
        await self.begin(**knobs)
        await until(self.ready)

    async def ready(self) -> bool:
        if not self.alive:
            raise AssertionError(f"{self.name} ended: read {self.log}")
        return (await self.client.get("/readyz")).status_code == 200

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def arm(self, point: str, number: int = 1, action: str = "kill") -> None:
        """Act at the ``number``-th passing of a failpoint from now on."""
        fresh = self._armed.with_suffix(".part")
        fresh.write_text(f"{point} {number} {action}")
        fresh.replace(self._armed)

    async def acted(self, within: float = 60) -> None:
        """Wait until the armed failpoint acted."""

        async def gone() -> bool:
            return not self._armed.exists()

        await until(gone, within)

    async def died(self, within: float = 60) -> int:
        """Wait until the process has ended; gives its return code."""
        assert self.process is not None
        async with asyncio.timeout(within):
            return await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        if self.alive:
            self.signal(signal.SIGKILL)
            await self.died()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not enough."""
        if not self.alive:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            await self.died(40)
        except TimeoutError:
            await self.kill()
            raise

    async def restart(self, **knobs: str) -> None:
        await self.kill()
        await self.start(**knobs)


@contextlib.asynccontextmanager
async def running(*replicas: Replica) -> AsyncIterator[None]:
    """The replicas, started together and killed at the end: two that leave at once trap the embedded bus (ADR 4)."""
    try:
        await asyncio.gather(*(one.start() for one in replicas))
        yield
    finally:
        await asyncio.gather(*(one.kill() for one in replicas))
        await asyncio.gather(*(one.client.aclose() for one in replicas))
