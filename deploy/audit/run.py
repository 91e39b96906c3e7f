"""The audit as a whole: what is read in which order, and what is compared with what."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from deploy.audit.epochs import check_chains, check_epochs
from deploy.audit.events import compare
from deploy.audit.findings import Ledger
from deploy.audit.folds import Watch, check_states
from deploy.audit.inboxes import compare_inboxes
from deploy.audit.log import read_log
from deploy.audit.marks import Rows
from deploy.audit.report import OPEN_EPOCH, Report, type_counts
from deploy.audit.stores import Source, read_objects, read_store
from shared.clock import now
from shared.contracts.catalogue import topics
from shared.contracts.envelope import timestamp
from shared.runtime import archive
from shared.runtime.declaration import Service
from shared.runtime.messages import Arrival
from shared.trust.signing import KeySet

FLIGHT = timedelta(seconds=60)
"""How long before a log's newest event another one may have been stored and not yet published."""

Progress = Callable[[str, int], None]
"""Told what is being done, and how far."""


class Log(Protocol):
    """Where the log is read."""

    @property
    def name(self) -> str: ...

    @property
    def older(self) -> bool:
        """Whether the stores may have what came after it."""

    def records(self) -> AsyncIterable[Arrival]: ...

    async def committed(self, service: Service) -> Mapping[tuple[str, int], int] | None: ...


@dataclass(frozen=True, slots=True)
class BusLog:
    """The log on the bus, at addresses ``host:port``, comma separated."""

    bus: str
    name: str = "bus"
    older: bool = False

    def records(self) -> AsyncIterable[Arrival]:
        return archive.BusReading(self.bus, topics())

    async def committed(self, service: Service) -> Mapping[tuple[str, int], int] | None:
        followed = [event.name for event in service.follows]
        return await archive.committed(self.bus, f"recours-{service.name}", followed)


@dataclass(frozen=True, slots=True)
class FileLog:
    """The log in a ``log.jsonl``."""

    path: Path
    older: bool = False

    @property
    def name(self) -> str:
        return self.path.name

    async def records(self) -> AsyncIterator[Arrival]:
        for number, record in enumerate(archive.read_file(self.path)):
            if number % 500 == 0:
                await asyncio.sleep(0)
            yield record

    async def committed(self, service: Service) -> None:
        del service  # a file does not know how far it was read: everything must have been


async def audit(
    sources: Sequence[Source],
    log: Log,
    keys: KeySet,
    *,
    watches: Mapping[str, Watch] | None = None,
    keep: int = 20,
    progress: Progress = lambda _what, _count: None,
) -> Report:
    """Read the log and every source, compare all, and report.

    The order of reading is what makes it exact while services run (see ``deploy.audit``).

    Args:
        sources: the services; what others published is checked on the log alone.
        log: the bus or a file. A file is strict: it must have everything that the stores have, unless it is ``older``:
            then what was stored from a minute before its newest event on is not asked of it.
        keys: the public keys of services.
        watches: further checks by service.
        keep: how many findings of each kind are named.
        progress: told what is being done, and how far.

    Raises:
        Unavailable: something cannot be read. BrokenContract: the file is no log.
    """
    began = now()
    ledger = Ledger(keep=keep)
    by_name = {one.name: one for one in sources}
    with tempfile.TemporaryDirectory(prefix="recours-audit-") as temporary:
        directory = Path(temporary)
        rows = Rows(directory)
        for source in sources:
            source.committed = await log.committed(source.service)
        for source in sources:
            progress(f"checkpoint objects of {source.name}", 0)
            await read_objects(source, keys, rows, ledger)
        folds = {}
        for source in sources:
            telling = _telling(progress, f"store of {source.name}")
            folds[source.name] = await read_store(source, rows, ledger, directory, progress=telling)
        services = {one.name: one.service for one in sources}
        newest = await read_log(log.records(), keys, services, rows, ledger, progress=_telling(progress, "log"))
        cut = _cut(newest) if log.older else ""
        progress("log against stores", 0)
        doubts = await compare(by_name, rows, ledger, cut=cut)
        progress("log against inboxes", 0)
        await compare_inboxes(by_name, rows, ledger, cut=cut)
        progress("checkpoints", 0)
        await check_epochs(by_name, rows, ledger, doubts)
        await check_chains(by_name, rows, ledger)
        for source in sources:
            watch = (watches or {}).get(source.name)
            telling = _telling(progress, f"states of {source.name}")
            await check_states(source, folds[source.name], ledger, watch, progress=telling)
    return _report(ledger, began, log, tuple(by_name), cut)


def _telling(progress: Progress, what: str) -> Callable[[int], None]:
    return lambda count: progress(what, count)


def _cut(newest: str) -> str:
    return timestamp(datetime.fromisoformat(newest) - FLIGHT) if newest else "0"


def _report(ledger: Ledger, began: datetime, log: Log, services: tuple[str, ...], cut: str) -> Report:
    limits = [OPEN_EPOCH]
    if cut:
        limits.append(f"The log is taken as older than the stores: what was stored after {cut} is not asked of it.")
    return Report(
        result="findings" if ledger.totals else "ok",
        began=began,
        ended=now(),
        log=log.name,
        services=services,
        types=type_counts(ledger),
        looked=dict(sorted(ledger.looked.items())),
        notes=dict(sorted(ledger.notes.items())),
        totals=dict(sorted(ledger.totals.items())),
        findings=tuple(ledger.findings),
        limits=tuple(limits),
    )
