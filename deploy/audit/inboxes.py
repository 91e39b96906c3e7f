"""The log against the followers' inboxes: each followed fact is there or a dead letter, with equal bytes (I7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import groupby

from deploy.audit.findings import Ledger
from deploy.audit.marks import IN_STORE, ON_BUS, Rows
from deploy.audit.sorting import Value
from deploy.audit.stores import Source

BATCH = 200


async def compare_inboxes(sources: Mapping[str, Source], rows: Rows, ledger: Ledger, *, cut: str) -> None:
    """Compare. ``cut``: ``ce_time`` after which the log is not expected to have a fact. Raises Unavailable."""
    wanted: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for (aggregate, fact), copies in groupby(rows.inbox.rows(), key=lambda row: row[0][:2]):
        source = sources.get(aggregate.split("/", 1)[0])
        if source is None:
            continue
        listed = list(copies)
        on_bus = [value for key, value in listed if key[2] == ON_BUS]
        in_store = [value for key, value in listed if key[2] == IN_STORE]
        ledger.looked["inbox entries compared"] += 1
        match (bool(on_bus), bool(in_store)):
            case (True, True):
                if in_store[0]["mark"] not in {one["mark"] for one in on_bus}:
                    _differs(ledger, source, aggregate, fact, f"{_where(on_bus[0])}: the inbox has other bytes")
            case (False, True):
                if cut and in_store[0]["at"] > cut:
                    ledger.notes["inbox entries newer than the log"] += 1
                else:
                    _differs(ledger, source, aggregate, fact, "the inbox has it and the bus does not")
            case _:
                reason = _absent(source, on_bus, ledger)
                if reason:
                    wanted[source.name].append((aggregate, fact, reason))
        if len(wanted[source.name]) >= BATCH:
            await _look_up(source, wanted.pop(source.name), ledger)
    for name, entries in wanted.items():
        await _look_up(sources[name], entries, ledger)


def _absent(source: Source, on_bus: list[Value], ledger: Ledger) -> str:
    """Why the fact should have been in the inbox that was read; empty where it need not."""
    for one in on_bus:
        letter = source.letters.get((one["topic"], one["partition"], one["offset"]))
        if letter == one["mark"]:
            ledger.notes["facts in dead letters"] += 1
            return ""
        if letter is not None:
            return f"{_where(one)}: its dead letter has other bytes"
    committed = source.committed
    for one in on_bus:
        if committed is None or one["offset"] < committed.get((one["topic"], one["partition"]), 0):
            return f"{_where(one)}: read by {source.name}, and neither in its inbox nor in a dead letter"
    ledger.notes[f"facts not yet read by {source.name}"] += 1
    return ""


async def _look_up(source: Source, entries: list[tuple[str, str, str]], ledger: Ledger) -> None:
    """A dead letter may have been redriven between the readings of inbox and letters."""
    known = await source.store.known([f"{aggregate}/{fact}" for aggregate, fact, _ in entries])
    for aggregate, fact, reason in entries:
        if f"{aggregate}/{fact}" not in known:
            _differs(ledger, source, aggregate, fact, reason)


def _differs(ledger: Ledger, source: Source, aggregate: str, fact: str, detail: str) -> None:
    ledger.find("inbox-differs", service=source.name, aggregate=aggregate, event=fact, detail=detail)


def _where(one: Value) -> str:
    return f"{one['topic']}/{one['partition']}/{one['offset']}"
