"""The embedded platform with the two toy services, as tests of the audit and of operators' commands use it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import types
from pathlib import Path

import httpx
import pymongo
from typer.testing import CliRunner

from deploy.audit import sites
from deploy.audit.run import BusLog, FileLog, audit
from deploy.cli.main import app
from deploy.embedded.site import python
from deploy.embedded.supervisor import Platform
from shared import ids
from tests.deploy.processes import until
from tests.shared.runtime import toy

SERVICES = ("intake", "notify")
WAITING = ("outbox", "jobs")


def toy_platform(directory: Path) -> Platform:
    return Platform(directory, SERVICES, command=lambda name: python("-m", "tests.shared.runtime.toy", name))


def declare(*services):
    """Let commands find these declarations instead of the real services'."""
    for service in services or (toy.INTAKE, toy.NOTIFY):
        sys.modules[f"services.{service.name}.service"] = types.SimpleNamespace(service=service)


def undeclare():
    for name in SERVICES:
        sys.modules.pop(f"services.{name}.service", None)


class Toys:
    """A running platform and its stores."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.settings = platform.data / "settings"
        self.mongo = pymongo.MongoClient(platform.site.store_url, tz_aware=True)

    def store(self, service: str):
        return self.mongo[f"recours_{service}"]

    async def act(self, case: str, what: str, at_most: int = 3) -> None:
        async with httpx.AsyncClient(base_url=self.platform.site.url("intake"), trust_env=False) as client:
            answer = await client.post(f"/intake/toy/{case}", json={"what": what, "at_most": at_most})
            assert answer.status_code == 200, answer.text

    async def open_cases(self, count: int) -> list[str]:
        cases = [ids.new() for _ in range(count)]
        for case in cases:
            await self.act(case, "open")
            await self.act(case, "update")
        return cases

    async def quiet(self, cases: list[str]) -> None:
        """Everything of these cases was read, told and reminded, and every event published."""

        async def settled() -> bool:
            states = [self.store("notify").states.find_one({"case": case}) for case in cases]
            return (
                all(one and (one["held"] or (one["wake"] is None and not one["pending"])) for one in states)
                and not any(self.store(name)[kind].count_documents({}) for name in SERVICES for kind in WAITING)
                and self.store("intake").inbox.count_documents({})
                == self.store("notify").events.count_documents({"topic": "notification-sent"})
            )

        await until(settled, 40)

    async def end_epochs(self) -> None:
        """Restart the services in order, so that each ends its epoch with a final checkpoint."""
        for name in SERVICES:
            pid = self.platform.pid(name)
            os.kill(pid, signal.SIGTERM)
            await self.platform.wait_restarted(name, pid)

    @contextlib.contextmanager
    def paused(self):
        for name in SERVICES:
            self.platform.pause(name)
        try:
            yield
        finally:
            for name in SERVICES:
                self.platform.resume(name)

    async def audit(self, log: Path | None = None, **options):
        async with sites.opened(SERVICES, self.settings) as sources:
            keys = await sites.public_keys(None, self.settings)
            source = BusLog(self.platform.site.address("bus")) if log is None else FileLog(log, **options)
            return await audit(sources, source, keys)


async def recours(*arguments: str):
    """A command of the program, in a thread: it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
