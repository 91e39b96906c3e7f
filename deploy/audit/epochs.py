"""Checkpoints against events: each closed epoch has the events that it counted, each writer's chain is whole."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from deploy.audit.events import Doubt, missing
from deploy.audit.findings import Ledger
from deploy.audit.marks import AS_OBJECT, ON_BUS, Rows
from deploy.audit.sorting import Row, Value
from deploy.audit.stores import WRITER, Source
from shared.ids import event_id
from shared.runtime.checkpoints import GENESIS, digest_of, fingerprint
from shared.runtime.documents import headers_of


async def check_epochs(
    sources: Mapping[str, Source], rows: Rows, ledger: Ledger, doubts: Mapping[tuple[str, str], list[Doubt]]
) -> None:
    """Compare count and digest of each epoch with its events on bus or in store, and judge the doubtful ones.

    An event counts where either has it: what only one has, the comparison of both says. Raises Unavailable.
    """
    judged = set()
    for (service, epoch), of_epoch in groupby(rows.epochs.rows(), key=lambda row: row[0][:2]):
        listed = list(of_epoch)
        checkpoints = [value for key, value in listed if key[2] == ""]
        if not checkpoints:
            ledger.notes["events that no checkpoint covers"] += len({key[2] for key, _ in listed})
            continue
        ledger.looked["epochs"] += 1
        said = checkpoints[0]
        here = _lines(listed, prefer_bus=True)
        result = _compared(said, here)
        if result != "equal" and _compared(said, _lines(listed, prefer_bus=False)) == "equal":
            result = "equal"
        if result == "fewer" and service in sources:
            # Events stored after the store was read, and not yet published.
            here |= await _now(sources[service], epoch)
            result = _compared(said, here)
        judged.add((service, epoch))
        _judge(ledger, service, epoch, result, (said["count"], len(here)), doubts.get((service, epoch), []))
    for (service, epoch), listed_doubts in doubts.items():
        if (service, epoch) not in judged:
            for doubt in listed_doubts:
                missing(ledger, service, doubt, "")


def _judge(ledger: Ledger, service: str, epoch: str, result: str, counts: tuple[int, int], doubts: list[Doubt]) -> None:
    said, there = counts
    if result == "more" and doubts:
        for aggregate, event, where in doubts:
            detail = f"{where}: signed by the service's key, but neither in its store nor counted by its checkpoint"
            ledger.find("event-forged", service=service, aggregate=aggregate, event=event, detail=detail)
        return
    for doubt in doubts:
        missing(ledger, service, doubt, "; its checkpoint counts it" if result == "equal" else "")
    if result == "fewer":
        detail = f"epoch {epoch}: {said - there} of {said} events are neither on the bus nor in the store"
        ledger.find("truncated", service=service, detail=detail)
    elif result != "equal":
        detail = f"epoch {epoch}: the checkpoint counts {said} events, {there} are there, or their bytes are others"
        ledger.find("checkpoint-differs", service=service, detail=detail)


def _lines(listed: list[Row], *, prefer_bus: bool) -> dict[str, str]:
    """Event id → fingerprint; where bus and store differ, the preferred one's."""
    events = [(key, value) for key, value in listed if key[2] != ""]
    ordered = sorted(events, key=lambda row: (row[0][3] == ON_BUS) == prefer_bus)
    return {key[2]: value["fingerprint"] for key, value in ordered}


def _compared(said: Value, lines: Mapping[str, str]) -> str:
    if len(lines) != said["count"]:
        return "fewer" if len(lines) < said["count"] else "more"
    return "equal" if digest_of(lines.items()) == said["digest"] else "other"


async def _now(source: Source, epoch: str) -> dict[str, str]:
    return {
        str(one["_id"]): fingerprint(headers_of(one["headers"]), bytes(one["body"]))
        async for one in source.store.scan("events", {"epoch": epoch})
    }


async def check_chains(sources: Mapping[str, Source], rows: Rows, ledger: Ledger) -> None:
    """Each writer's checkpoints: what is kept as an object is on the bus, and each names the one before it."""
    for (service, writer), of_writer in groupby(rows.checkpoints.rows(), key=lambda row: row[0][:2]):
        ledger.looked["writers"] += 1
        before, last, final = GENESIS, 0, False
        for (number,), copies in groupby(of_writer, key=lambda row: row[0][2:3]):
            listed = list(copies)
            ledger.looked["checkpoints"] += 1
            await _elsewhere(sources, service, writer, number, listed, ledger)
            value = listed[0][1]
            if len({one["fingerprint"] for _, one in listed}) > 1:
                detail = f"checkpoint {number} of {writer}: bus, store and object have different bytes"
                ledger.find("checkpoint-differs", service=service, detail=detail)
            elif value["previous"] != before:
                _broken(ledger, service, writer, last, number)
            elif number > last + 1:
                ledger.notes["epochs whose checkpoint was never stored"] += number - last - 1
            before, last, final = value["fingerprint"], number, final or value["final"]
        if not final:
            ledger.notes["writers without a final checkpoint (running, or ended by a crash)"] += 1


async def _elsewhere(
    sources: Mapping[str, Source], service: str, writer: str, number: int, listed: list[Row], ledger: Ledger
) -> None:
    places = {key[3] for key, _ in listed}
    if AS_OBJECT not in places:
        ledger.notes["checkpoints without an object"] += 1
    if places != {AS_OBJECT}:
        return
    aggregate = f"{service}/{WRITER}/{writer}"
    event = event_id(aggregate, number)
    if service not in sources or await sources[service].store.find("events", event) is None:
        detail = f"checkpoint {number} of {writer} is kept as an object, and is neither on the bus nor in the store"
        ledger.find("truncated", service=service, aggregate=aggregate, event=event, detail=detail)


def _broken(ledger: Ledger, service: str, writer: str, last: int, number: int) -> None:
    if number > last + 1:
        detail = f"checkpoints of {writer} between {last} and {number} are nowhere, and the chain names them"
        ledger.find("truncated", service=service, detail=detail)
    else:
        detail = f"checkpoint {number} of {writer} does not name the one before it: the chain is broken"
        ledger.find("checkpoint-differs", service=service, detail=detail)
