"""A real ``recours up`` in a process of its own: it may be killed like anything else, and ended with Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Self

from deploy.embedded import lock
from deploy.embedded.engine_set import EngineSet
from deploy.embedded.engine_sets import site_of
from deploy.embedded.site import ROOT, Site


class Up:
    """What the story asks of a platform, read from the files that ``recours up`` keeps for other programs."""

    def __init__(self, data: Path, engines: EngineSet) -> None:
        self._engines = engines.name
        self.data = data
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.stop()

    async def start(self) -> Self:
        """Start it and wait until it says where to go, or gives up; then what the late children logged is said."""
        process = self._process = await self.run()
        assert process.stdout is not None
        said = b""
        async with asyncio.timeout(150):  # longer than the command itself waits, so that it says who is late
            while b"Open http" not in said:
                line = await process.stdout.readline()
                assert line, f"it ended before it was ready: {said.decode()}{self._logs_of_the_late(said.decode())}"
                said += line
        return self

    def _logs_of_the_late(self, said: str) -> str:
        logs = [log for log in (self.data / "logs").glob("*.log") if f"{log.stem} (" in said]
        return "".join(f"\n{log.name}:\n{log.read_text()[-3000:]}" for log in logs)

    async def run(self) -> asyncio.subprocess.Process:
        """The command, just begun."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli.main", "up", "--data", str(self.data), "--engines", self._engines),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    async def kill(self) -> None:
        """Kill -9 of the supervisor; the kernel takes its children along."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Ctrl-C; gives the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            return await self._process.wait()

    @property
    def site(self) -> Site:
        return site_of(self.data)

    @property
    def origin(self) -> str:
        return self.site.origin

    def settings_for(self, service: str) -> dict[str, str]:
        lines = (self.data / "settings" / f"{service}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def children(self) -> dict[str, tuple[int, int]]:
        """Pid and birth of every child, by name."""
        told: dict[str, Any] = json.loads((self.data / "platform.json").read_text())["children"]
        return {name: (child["pid"], child["born"]) for name, child in told.items()}

    def pause(self, name: str) -> None:
        """Freeze a child and all of its group: it is there and says nothing."""
        pid, birth = self.children()[name]
        assert lock.born(pid) == birth
        os.killpg(pid, signal.SIGSTOP)
