"""One service with failpoints and planted mutations, all patched from outside: ``python -m tests.faults.faulty NAME``.

A failpoint is armed, also in a running process, by writing ``<name> <n> <action>`` into the file FAULTS_ARMED; the
n-th passing after that removes the file and acts. Actions: ``kill`` (SIGKILL), ``term`` (SIGTERM), ``stop`` (SIGSTOP),
``down`` (as if the store did not answer), ``nap:SECONDS``. FAULTS_MUTATION names a planted defect (``mutations``);
FAULTS_CLOCK is an offset in seconds of this process's clock; FAULTS_LAST a topic that its bus gives it seconds late.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared import clock

if offset := float(os.environ.get("FAULTS_CLOCK", "0")):  # before anybody takes the function by its name
    _true = clock.now
    clock.now = lambda: _true() + timedelta(seconds=offset)

from shared.runtime.consumer import EventConsumer, _Listener
from shared.runtime.declaration import Service
from shared.runtime.process import run
from shared.runtime.publisher import Publisher
from shared.runtime.store import Store
from shared.runtime.transactions import StoreDown
from shared.settings import read
from tests.faults import mutations
from tests.faults.services import SERVICES


class Armed:
    """The failpoint that is armed, read from its file at each passing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = ""
        self._passed = 0

    async def passing(self, point: str) -> None:
        try:
            told = self._path.read_text()
        except OSError:
            return
        if told != self._seen:
            self._seen, self._passed = told, 0
        name, number, action = told.split()
        if name != point:
            return
        self._passed += 1
        if self._passed == int(number):
            self._path.unlink()
            self._seen = ""
            await _act(action)


async def _act(action: str) -> None:
    match action.partition(":"):
        case ("kill" | "term" | "stop" as what, _, _):
            os.kill(os.getpid(), {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}[what])
        case ("down", _, _):
            raise StoreDown("planted")
        case ("nap", _, seconds):
            await asyncio.sleep(float(seconds))


def plant(armed: Armed) -> None:
    """Put the failpoints around the runtime's own functions."""
    write, send, commit = Store.write, Publisher.send, EventConsumer._commit

    async def writing(self: Store, writes: Any, **rest: Any) -> Any:
        kind = "transaction" if writes.inbox else "command" if writes.publications else ""
        if kind:
            await armed.passing(f"before-{kind}")
        done = await write(self, writes, **rest)
        if kind:
            await armed.passing(f"after-{kind}")
        return done

    take = Store._take_references

    async def last_of_transaction(self: Store, writes: Any, session: Any) -> None:
        await take(self, writes, session)
        if writes.inbox:
            await armed.passing("inside-transaction")

    async def sending(self: Publisher, messages: Any) -> None:
        await armed.passing("before-publish")
        await send(self, messages)
        await armed.passing("after-publish")

    async def committing(self: EventConsumer, arrivals: Any) -> None:
        await armed.passing("before-offsets")
        await commit(self, arrivals)
        await armed.passing("after-offsets")

    Store.write, Store._take_references = writing, last_of_transaction  # type: ignore[method-assign]
    Publisher.send = sending  # type: ignore[method-assign]
    EventConsumer._commit = committing  # type: ignore[method-assign]


def read_last(topic: str) -> None:
    """Let this member have the records of a topic only some seconds after those of the others."""
    assigned = _Listener.on_partitions_assigned

    async def late(self: _Listener, partitions: Any) -> None:
        await assigned(self, partitions)
        consumer = self._owner.consumer
        assert consumer is not None
        those = [one for one in partitions if one.topic == topic]
        consumer.pause(*those)
        asyncio.get_running_loop().call_later(5, lambda: consumer.resume(*those))

    _Listener.on_partitions_assigned = late  # type: ignore[method-assign,assignment]


def with_failpoints(service: Service, armed: Armed) -> Service:
    """The service whose workers pass ``before-io`` and ``after-io``."""

    def around(work: Any) -> Any:
        async def done(attempt: Any, running: Any) -> Any:
            await armed.passing("before-io")
            result = await work(attempt, running)
            await armed.passing("after-io")
            return result

        return done

    return replace(service, workers=tuple(replace(one, run=around(one.run)) for one in service.workers))


if __name__ == "__main__":
    failpoint = Armed(Path(os.environ["FAULTS_ARMED"]))
    mutations.plant(os.environ.get("FAULTS_MUTATION", ""))
    plant(failpoint)
    if last := os.environ.get("FAULTS_LAST"):
        read_last(last)
    run(with_failpoints(SERVICES[sys.argv[1]], failpoint), read())
