"""A service of recours as a process of its own, beside the engines of an embedded platform."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import httpx

from deploy.embedded.supervisor import Platform
from tests.shared.runtime.processes import ROOT, free_port, until

START = (
    "import sys, importlib\n"
    "from shared.runtime.process import run\n"
    "from shared.settings import read\n"
    "run(importlib.import_module(f'services.{sys.argv[1]}.service').service, read())\n"
)


@contextlib.asynccontextmanager
async def running(platform: Platform, name: str, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the service, once it is ready. ``settings`` go to its environment over the platform's."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **platform.settings_for(name),
        "RECOURS_LISTEN_PORT": str(port),
        **settings,
    }
    with (platform.data / "logs" / f"{name}.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", START, name, env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:

            async def ready() -> bool:
                return (await client.get("/readyz")).status_code == 200

            await until(ready)
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
