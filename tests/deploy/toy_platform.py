"""The embedded platform with the two toy services, as tests of the audit and of operators' commands use it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import types
from pathlib import Path
from typing import Any

import httpx
import pymongo
from typer.testing import CliRunner

from deploy.audit import sites
from deploy.audit.run import BusLog, FileLog, audit
from deploy.cli.main import app
from deploy.embedded.engine_set import EngineSet
from deploy.embedded.site import python
from deploy.embedded.supervisor import Platform
from shared import ids
from tests.shared.runtime import toy

SERVICES = ("intake", "notify")


def toy_platform(directory: Path, engines: EngineSet) -> Platform:
    return Platform(
        directory, SERVICES, engines=engines, command=lambda name: python("-m", "tests.shared.runtime.toy", name)
    )


def declare(*services):
    """Let commands find these declarations instead of the real services'."""
    for service in services or (toy.INTAKE, toy.NOTIFY):
        module = types.ModuleType(f"services.{service.name}.service")
        module.__dict__["service"] = service
        sys.modules[module.__name__] = module


def undeclare():
    for name in SERVICES:
        sys.modules.pop(f"services.{name}.service", None)


class Toys:
    """A running platform and its stores."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.settings = platform.data / "settings"
        self.mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(platform.site.store_url, tz_aware=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mongo.close()

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

        for _ in range(120):
            # Asked without a pause, the store would have no time for the services.
            await asyncio.sleep(0.5)
            waiting = self._waiting(cases)
            if not any(waiting.values()):
                return
        raise AssertionError(f"not quiet after a minute: {waiting}")

    def _waiting(self, cases: list[str]) -> dict[str, int]:
        intake, notify = self.store("intake"), self.store("notify")
        states = list(notify.states.find({"case": {"$in": cases}}))
        told = notify.events.count_documents({"topic": "notification-sent"})
        return {
            "unheard": len(cases) - len(states),
            "restless": sum(not one["held"] and (one["wake"] is not None or one["pending"]) for one in states),
            "unpublished": intake.outbox.count_documents({}) + notify.outbox.count_documents({}),
            "jobs": notify.jobs.count_documents({}),
            "unread": told - intake.inbox.count_documents({}),
        }

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
