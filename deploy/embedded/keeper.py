"""Keeps one child alive: starts it when what it needs is ready, starts it again when it dies, ends it gently."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shared import logs
from shared.errors import RecoursError, Unavailable

from . import launch
from .child import Child, State

_LOOK_AGAIN = 0.05
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_TRIES_AT_START = 5
_ANSWER_WITHIN = 60.0
_ASK_EVERY, _SILENCES = 5.0, 4
"""Seconds between questions to an engine that runs, and how many in a row may stay without an answer."""
_LOG_BYTES = 10_000_000
_log = logs.logger(__name__)


class Keeper:
    """The life of one child. ``ready`` is set while the child answers; ``pid`` is 0 when none runs."""

    def __init__(self, child: Child, logs_in: Path, others: Mapping[str, Keeper], changed: Callable[[], None]) -> None:
        self.child = child
        self.state: State = "waiting"
        self.pid = 0
        self.restarts = 0
        self.ready = asyncio.Event()
        self.failure: RecoursError | None = None
        self._log_path = logs_in / f"{child.name}.log"
        self._cwd = logs_in.parent
        self._others = others
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._was_ready = False
        self._trouble = ""

    def start(self) -> None:
        """Begins to keep the child alive."""
        self._task = asyncio.create_task(self._keep(), name=f"keep-{self.child.name}")
        self._task.add_done_callback(self._gave_up)

    async def until_ready(self, other_than: int = 0) -> None:
        """Waits until the child answers, as a process other than ``other_than``.

        Raises Unavailable when it could not be started.
        """
        while not (self.ready.is_set() and self.pid != other_than):
            if self.failure is not None:
                raise self.failure
            await asyncio.sleep(_LOOK_AGAIN)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the child's whole process group; nothing when none runs."""
        if self._process is None or self._process.returncode is not None:
            return
        match number:
            case signal.SIGKILL:
                self.ready.clear()
            case signal.SIGSTOP:
                self._is("paused")
            case signal.SIGCONT:
                self._is("ready" if self.ready.is_set() else "starting")
            case _:
                pass
        os.killpg(self._process.pid, number)

    async def stop(self) -> None:
        """Ends the child: SIGTERM, time to drain, then SIGKILL."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            if self.state == "paused":
                self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(self.child.drain_seconds):
                    await process.wait()
            except TimeoutError:
                _log.warning("child-did-not-drain", child=self.child.name, seconds=self.child.drain_seconds)
                self.signal(signal.SIGKILL)
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.pid = 0
        self.ready.clear()
        self._is("stopped")

    async def _keep(self) -> None:
        pause, failures = _FIRST_PAUSE, 0
        while not self._stopping:
            # A service that comes back must cope with engines that are away; an engine would only fail.
            if not (self.child.is_service and self._was_ready):
                await asyncio.gather(*(self._others[need].ready.wait() for need in self.child.needs))
            began = asyncio.get_running_loop().time()
            code = await self._live()
            self.ready.clear()
            self.pid = 0
            if self._stopping:
                return
            long_lived = asyncio.get_running_loop().time() - began > 10
            pause = _FIRST_PAUSE if long_lived else min(pause * 2, _LONGEST_PAUSE)
            failures = 0 if self._was_ready else failures + 1
            _log.warning("child-died", child=self.child.name, exit_code=code, restarts=self.restarts)
            if failures >= _TRIES_AT_START:
                self.failure = self._no_start(f"ended {failures} times (last code {code}{self._trouble})")
                self._is("failed")
                return
            self.restarts += 1
            self._is("restarting")
            await asyncio.sleep(pause)

    async def _live(self) -> int:
        """One life of the child, until it ends; its exit code."""
        await self.child.prepare()
        process = self._process = await self._spawn()
        self.pid = process.pid
        self._is("starting")
        ending = asyncio.create_task(process.wait())
        getting_ready = asyncio.create_task(self._get_ready(ending))
        try:
            # A service that comes back waits for engines that are away, for as long as they are.
            patience = None if self.child.is_service and self._was_ready else _ANSWER_WITHIN
            await asyncio.wait({ending, getting_ready}, return_when=asyncio.FIRST_COMPLETED, timeout=patience)
            # A child that cannot be arranged, or never answers, is ended and tried again.
            self._trouble = ""
            if not ending.done() and not (getting_ready.done() and getting_ready.exception() is None):
                reason = getting_ready.exception() if getting_ready.done() else Unavailable("The child is silent.")
                self._trouble = f", it could not be prepared: {type(reason).__name__}"
                _log.warning("child-not-ready", child=self.child.name, exc_info=reason)
                os.killpg(process.pid, signal.SIGKILL)
            elif not ending.done():
                self._was_ready = True
                self.ready.set()
                self._is("ready")
                if not self.child.is_service:
                    await self._outlived(ending, process.pid)
            return await ending
        finally:
            ending.cancel()
            getting_ready.cancel()
            await asyncio.gather(ending, getting_ready, return_exceptions=True)

    async def _outlived(self, ending: asyncio.Task[int], pid: int) -> None:
        """Kill an engine that lives and answers nobody any more, as the bus was seen to after kill -9 beside it."""
        silences = 0
        while silences < _SILENCES:
            await asyncio.wait({ending}, timeout=_ASK_EVERY)
            if ending.done():
                return
            silences = 0 if self.state == "paused" or await self.child.answers() else silences + 1
        _log.warning("child-answers-nobody", child=self.child.name)
        self.ready.clear()
        os.killpg(pid, signal.SIGKILL)

    async def _get_ready(self, ending: asyncio.Task[int]) -> None:
        # A question may lose the cancellation that comes while it fails, and nobody answers for a child that ended.
        while not await self.child.answers():
            if ending.done():
                return
            await asyncio.sleep(_LOOK_AGAIN)
        await self.child.arrange()

    async def _spawn(self) -> asyncio.subprocess.Process:
        if self._log_path.exists() and self._log_path.stat().st_size > _LOG_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".log.1"))
        with self._log_path.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(launch.__file__), str(os.getpid()), *self.child.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.child.environment()),
                cwd=self._cwd,
                # Its own process group: Ctrl-C reaches the supervisor alone, which ends the children in order.
                start_new_session=True,
            )

    def _gave_up(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("child-cannot-be-kept", child=self.child.name, exc_info=error)
            self.failure = error if isinstance(error, RecoursError) else self._no_start("cannot be started")
            self._is("failed")

    def _no_start(self, what: str) -> Unavailable:
        return Unavailable(f"{self.child.name} ({self.child.what}) {what}: read {self._log_path}.")

    def _is(self, state: State) -> None:
        self.state = state
        self._changed()
