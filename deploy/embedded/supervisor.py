"""The supervisor: the whole platform on one machine, in order, kept alive, ended in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from shared import clock, logs
from shared.errors import NotFound, Unavailable

from . import engine_sets, lock, ports
from .engine_set import EngineSet
from .engine_sets import EMBEDDED
from .engines.services import Command, run_service, service
from .files import private_directory, write_atomically
from .keeper import Keeper
from .site import SERVICES, Site

_log = logs.logger(__name__)


class Platform:
    """A platform on this machine: ``async with Platform(directory) as platform`` starts it and waits until all answers.

    Args:
        data: directory of everything it keeps; made when absent.
        services: which services run beside the engines.
        engines: which engines, and how many replicas of each service.
        port: port of the gateway; None: the one kept from the last start, or a free one.
        command: how a service is run, for those who bring their own.
        within: seconds that the whole may take to become ready.

    Raises:
        Refused: the directory is in use or of other engines, the port is taken, an engine is not installed.
        Unavailable: a process did not become ready; the message names its log.
    """

    def __init__(
        self,
        data: Path,
        services: Iterable[str] = SERVICES,
        *,
        engines: EngineSet = EMBEDDED,
        port: int | None = None,
        command: Command = run_service,
        within: float = 120,
    ) -> None:
        self.data = data.resolve()
        self._services = tuple(services)
        self._engines = engines
        self._port = port
        self._command = command
        self._within = within
        self._keepers: dict[str, Keeper] = {}
        self._lock: int | None = None
        self._site: Site | None = None
        self._started = ""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts every child and waits until all are ready. Call ``stop`` also when it raises."""
        private_directory(self.data)
        self._lock = lock.take(self.data)
        await asyncio.to_thread(lock.outlive, self._file)
        engine_sets.keep(self.data, self._engines)
        site = self._site = Site(self.data, self._ports(), self._engines)
        self._started = clock.now().isoformat()
        logs_in = site.directory("logs")
        children = [make(site) for make in self._engines.makers.values()]
        children += [child for name in self._services for child in service(site, name, self._command)]
        for child in children:
            self._keepers[child.name] = Keeper(child, logs_in, self._keepers, self._write)
        for keeper in self._keepers.values():
            keeper.start()
        await self.ready()
        self._keep_settings()
        _log.info("platform-ready", count=len(children))

    async def stop(self) -> None:
        """Ends the services, which drain at the same time, then the engines, last started first."""
        try:
            await self.stop_services()
            for keeper in reversed([keeper for keeper in self._keepers.values() if not keeper.child.is_service]):
                await keeper.stop()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    async def stop_services(self) -> None:
        """Ends the services alone, which drain at the same time and say their last checkpoints; the engines go on."""
        own = [keeper for keeper in self._keepers.values() if keeper.child.is_service]
        await asyncio.gather(*(keeper.stop() for keeper in own))

    async def ready(self) -> None:
        """Waits until every child answers. Raises Unavailable when one cannot start, or after ``within`` seconds."""
        waiting = [asyncio.ensure_future(keeper.until_ready()) for keeper in self._keepers.values()]
        try:
            async with asyncio.timeout(self._within):
                await asyncio.gather(*waiting)
        except TimeoutError:
            late = [f"{name} ({keeper.state})" for name, keeper in self._keepers.items() if not keeper.ready.is_set()]
            message = f"Not ready after {self._within:g} s: {', '.join(late)}. Read {self.data / 'logs'}."
            raise Unavailable(message) from None
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    @property
    def site(self) -> Site:
        """Addresses and secrets. Raises Unavailable before the start."""
        if self._site is None:
            raise Unavailable("The platform has not started.")
        return self._site

    @property
    def origin(self) -> str:
        """The public address of the whole."""
        return self.site.origin

    @property
    def addresses(self) -> dict[str, str]:
        """Address of every child by name."""
        return {name: keeper.child.address for name, keeper in self._keepers.items()}

    def settings_for(self, service: str) -> dict[str, str]:
        """The ``RECOURS_*`` variables of a service, or of ``operator``; they hold secrets."""
        return self.site.settings_of(service)

    def pid(self, name: str) -> int:
        """Process id of a child; 0 when it is down."""
        return self._keeper(name).pid

    def restarts(self, name: str) -> int:
        """How many times a child was started again."""
        return self._keeper(name).restarts

    def kill(self, name: str) -> None:
        """Kill -9; the supervisor starts the child again (``wait_restarted``)."""
        self._keeper(name).signal(signal.SIGKILL)

    def pause(self, name: str) -> None:
        """Freezes a child (SIGSTOP): its connections stay open and nothing answers."""
        self._keeper(name).signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a frozen child go on (SIGCONT)."""
        self._keeper(name).signal(signal.SIGCONT)

    async def wait_restarted(self, name: str, other_than: int = 0, within: float = 60) -> None:
        """Waits until a child that was killed answers again.

        ``other_than``: the pid it had; needed only when it was not ended by ``kill``. Raises Unavailable when late.
        """
        try:
            async with asyncio.timeout(within):
                await self._keeper(name).until_ready(other_than)
        except TimeoutError:
            raise Unavailable(f"{name} did not come back within {within:g} s: read {self.data / 'logs'}.") from None

    def _ports(self) -> dict[str, int]:
        engines = self._engines
        processes = [process for name in SERVICES for process in engines.replicas_of(name)]
        fixed = {} if self._port is None else {"gateway": self._port}
        # The gateway first: the fixed port is refused before another name is given it.
        names = dict.fromkeys(("gateway", *engines.makers, *engines.further_ports, *processes))
        return ports.choose(self.data / "ports.json", names, fixed)

    def _keeper(self, name: str) -> Keeper:
        try:
            return self._keepers[name]
        except KeyError:
            raise NotFound(f"The platform runs no {name!r}: it runs {', '.join(self._keepers)}.") from None

    @property
    def _file(self) -> Path:
        return self.data / "platform.json"

    def _write(self) -> None:
        children: dict[str, Any] = {
            name: {
                "what": keeper.child.what,
                "address": keeper.child.address,
                "state": keeper.state,
                "pid": keeper.pid,
                "born": lock.born(keeper.pid) if keeper.pid else 0,
                "restarts": keeper.restarts,
            }
            for name, keeper in self._keepers.items()
        }
        content = {"origin": self.origin, "supervisor": os.getpid(), "started": self._started, "children": children}
        write_atomically(self._file, json.dumps(content, indent=1).encode())

    def _keep_settings(self) -> None:
        """So that a command typed in another shell can reach the platform: one private file per service."""
        directory = self.site.directory("settings")
        for name in (*SERVICES, "operator"):
            lines = [f"{key}={value}" for key, value in self.settings_for(name).items()]
            write_atomically(directory / f"{name}.env", ("\n".join(lines) + "\n").encode())
