"""Other processes, from outside: what they use, and services of the platform that are started for one run alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from deploy.embedded.engines.services import run_service
from deploy.embedded.site import ROOT
from deploy.embedded.supervisor import Platform

_TICKS = os.sysconf("SC_CLK_TCK")
READY_WITHIN = 90.0


def processor_seconds(pid: int) -> float:
    """What a process and its threads have used of processors so far (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int, what: str = "VmRSS") -> int:
    """Resident memory of a process in bytes: now, or (``VmHWM``) the most since it was last forgotten."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise ProcessLookupError(f"Process {pid} has no memory: it ended.")
    return int(found[1]) * 1024


def forget_peak(pid: int) -> None:
    """Let the kernel count the peak anew from now (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextlib.asynccontextmanager
async def started(
    platform: Platform, service: str, port: int, *, command: tuple[str, ...] | None = None, ready: str = "/readyz"
) -> AsyncIterator[tuple[asyncio.subprocess.Process, float]]:
    """A replica of a service more, and the seconds until it was ready; ended with SIGTERM.

    ``command``: another program with the same settings.
    """
    environment = {
        **platform.site.process_environment(),
        **platform.settings_for(service),
        "RECOURS_LISTEN_PORT": str(port),
        "RECOURS_REPLICA": "bench",
    }
    began = time.monotonic()
    with (platform.data / "logs" / f"bench-{service}.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(command or run_service(service)), env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(READY_WITHIN), httpx.AsyncClient(trust_env=False, timeout=5) as http:
            while not await _answers(http, f"http://127.0.0.1:{port}{ready}"):
                if process.returncode is not None:
                    raise AssertionError(f"{service} ended: read its log in {platform.data / 'logs'}.")
                await asyncio.sleep(0.01)
        yield process, time.monotonic() - began
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.TransportError:
        return False
