"""The log against the event stores: nothing lost, nothing forged, equal bytes, sequences without a gap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from deploy.audit.findings import Ledger
from deploy.audit.marks import IN_STORE, ON_BUS, Rows, mark
from deploy.audit.sorting import Row, Value
from deploy.audit.stores import WRITER, Source
from shared.ids import event_id
from shared.runtime.documents import Document, headers_of

BATCH = 200
WIDEST_GAP = 1000
"""How many events of one gap are looked up in the store."""
MOST_DOUBTS = 10_000

Doubt = tuple[str, str, str]
"""Aggregate, event id and place on the bus of an event that is validly signed and in no store."""


@dataclass
class _Wanted:
    """What is to be looked up in a store: on the bus, and not in what was read of the store before."""

    aggregate: str
    event: str
    rows: list[Value] = field(default_factory=list)
    """Its copies on the bus; none for an event of a gap."""


async def compare(
    sources: Mapping[str, Source], rows: Rows, ledger: Ledger, *, cut: str
) -> dict[tuple[str, str], list[Doubt]]:
    """Compare; gives the doubtful events by (service, epoch), which only a checkpoint can judge.

    ``cut``: ``ce_time`` after which the log is not expected to have an event; empty: it must have all. Raises
    Unavailable.
    """
    comparison = _Comparison(sources, rows, ledger)
    for aggregate, of_aggregate in groupby(rows.events.rows(), key=lambda row: row[0][0]):
        await comparison.aggregate(aggregate, of_aggregate)
    for service in sources:
        await comparison.look_up(service)
    _unpublished(rows, ledger, cut)
    return comparison.doubts


class _Comparison:
    def __init__(self, sources: Mapping[str, Source], rows: Rows, ledger: Ledger) -> None:
        self.doubts: dict[tuple[str, str], list[Doubt]] = defaultdict(list)
        self._sources = sources
        self._rows = rows
        self._ledger = ledger
        self._wanted: dict[str, list[_Wanted]] = defaultdict(list)
        self._doubts = 0

    async def aggregate(self, aggregate: str, of_aggregate: Iterable[Row]) -> None:
        service, kind = (*aggregate.split("/", 2), "", "")[:2]
        self._ledger.looked["sequences"] += 1
        last = 0
        for (_, sequence, event), copies in groupby(of_aggregate, key=lambda row: row[0][:3]):
            # A writer's numbers may have gaps: an epoch whose checkpoint could not be stored. Its chain shows the rest.
            if sequence > last + 1 and kind != WRITER:
                self._gap(service, aggregate, last + 1, sequence - 1)
            last = sequence
            self._one(service, aggregate, event, list(copies))
            if len(self._wanted[service]) >= BATCH:
                await self.look_up(service)

    def _gap(self, service: str, aggregate: str, first: int, end: int) -> None:
        if service not in self._sources or end - first >= WIDEST_GAP:
            self._gone(service, aggregate, "", f"sequence {first} to {end} is neither on the bus nor in the store")
            return
        wanted = [_Wanted(aggregate, event_id(aggregate, one)) for one in range(first, end + 1)]
        self._wanted[service].extend(wanted)

    def _gone(self, service: str, aggregate: str, event: str, detail: str) -> None:
        self._ledger.find("sequence-gap", service=service, aggregate=aggregate, event=event, detail=detail)

    def _one(self, service: str, aggregate: str, event: str, copies: list[Row]) -> None:
        on_bus = [value for key, value in copies if key[3] == ON_BUS]
        in_store = [value for key, value in copies if key[3] == IN_STORE]
        if on_bus:
            count = self._ledger.types[on_bus[0]["service"], on_bus[0]["topic"]]
            count["bus"] += 1
            count["duplicates"] += len(on_bus) - 1
        if len({one["mark"] for one in on_bus}) > 1:
            places = ", ".join(one["where"] for one in on_bus[:5])
            self._altered(service, aggregate, event, f"the bus has it with different bytes: {places}")
        elif on_bus and in_store and on_bus[0]["mark"] != in_store[0]["mark"]:
            self._altered(service, aggregate, event, _which(on_bus[0]))
        elif on_bus and not in_store and service in self._sources:
            self._wanted[service].append(_Wanted(aggregate, event, on_bus))
        elif in_store and not on_bus:
            said = {"service": service, "aggregate": aggregate, "topic": in_store[0]["topic"], "at": in_store[0]["at"]}
            self._rows.unpublished.add((event, 1), said)
        if on_bus and in_store:
            self._ledger.looked["events compared"] += 1

    def _altered(self, service: str, aggregate: str, event: str, detail: str) -> None:
        self._ledger.find("event-altered", service=service, aggregate=aggregate, event=event, detail=detail)

    async def look_up(self, service: str) -> None:
        """Events are append-only and stored before they are published: what the bus has must be in the store now."""
        wanted, self._wanted[service] = self._wanted[service], []
        if not wanted:
            return
        documents = await self._sources[service].store.events([one.event for one in wanted])
        found: dict[str, Document] = {str(one["_id"]): one for one in documents}
        for one in wanted:
            document = found.get(one.event)
            if document is not None:
                self._found(service, one, document)
            elif not one.rows:
                self._gone(service, one.aggregate, one.event, "it is neither on the bus nor in the store")
            else:
                self._absent(service, one)

    def _found(self, service: str, one: _Wanted, document: Mapping[str, Any]) -> None:
        self._ledger.notes["events stored while the audit ran"] += 1
        self._ledger.types[service, str(document["topic"])]["store"] += 1
        headers, body = headers_of(document["headers"]), bytes(document["body"])
        if one.rows and one.rows[0]["mark"] != mark(document["topic"], bytes(document["key"]), headers, body):
            self._altered(service, one.aggregate, one.event, _which(one.rows[0]))

    def _absent(self, service: str, one: _Wanted) -> None:
        copy = one.rows[0]
        if not copy["sound"]:
            detail = f"{copy['where']}: not validly signed, and not in the store"
            self._ledger.find("event-forged", service=service, aggregate=one.aggregate, event=one.event, detail=detail)
        elif self._doubts < MOST_DOUBTS:
            self._doubts += 1
            self.doubts[service, copy["epoch"]].append((one.aggregate, one.event, copy["where"]))
        else:
            missing(self._ledger, service, (one.aggregate, one.event, copy["where"]), "")


def missing(ledger: Ledger, service: str, doubt: Doubt, why: str) -> None:
    """A validly signed event that its store does not have."""
    aggregate, event, where = doubt
    detail = f"{where}: validly signed, and not in the store{why}"
    ledger.find("event-missing-in-store", service=service, aggregate=aggregate, event=event, detail=detail)


def _which(on_bus: Value) -> str:
    holds = "the bus's copy is validly signed" if on_bus["sound"] else "the bus's copy is not validly signed"
    return f"{on_bus['where']}: bus and store have different bytes; {holds}"


def _unpublished(rows: Rows, ledger: Ledger, cut: str) -> None:
    """What the bus lacks, unless an outbox still promises it or the log is older."""
    for (event,), copies in groupby(rows.unpublished.rows(), key=lambda row: row[0][:1]):
        listed = list(copies)
        lacking = [value for key, value in listed if key[1] == 1]
        if not lacking:
            continue
        one = lacking[0]
        if len(lacking) < len(listed):
            ledger.types[one["service"], one["topic"]]["outbox"] += 1
            ledger.notes["events still in an outbox"] += 1
        elif cut and one["at"] > cut:
            ledger.notes["events newer than the log"] += 1
        else:
            detail = f"{one['topic']}: in the store, not on the bus, promised by no outbox"
            ledger.find(
                "event-missing-on-bus", service=one["service"], aggregate=one["aggregate"], event=event, detail=detail
            )
