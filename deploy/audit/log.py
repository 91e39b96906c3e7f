"""The pass over the log: every record checked by itself, then put where it will be compared."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping

from deploy.audit.findings import Ledger
from deploy.audit.marks import ON_BUS, Rows, header, mark
from shared.contracts import envelope as wire
from shared.contracts.catalogue import EVENTS
from shared.contracts.envelope import Envelope, timestamp
from shared.contracts.everyone import Checkpoint
from shared.errors import BrokenContract, BrokenSignature
from shared.ids import event_id
from shared.runtime.checkpoints import fingerprint
from shared.runtime.declaration import Recorded, Service
from shared.runtime.messages import Arrival, read, verify
from shared.trust.signing import KeySet

EVENT_TOPICS = frozenset(event.name for event in EVENTS)
HIGHEST_SEQUENCE = 2**62


async def read_log(
    records: AsyncIterable[Arrival],
    keys: KeySet,
    services: Mapping[str, Service],
    rows: Rows,
    ledger: Ledger,
    *,
    progress: Callable[[int], None],
) -> str:
    """Check and sort every record; gives the newest event's time (``ce_time`` text, empty for an empty log).

    Raises what ``records`` raises.
    """
    newest, count = "", 0
    expected: dict[tuple[str, int], int] = {}
    async for record in records:
        count += 1
        if count % 500 == 0:
            progress(count)
        place = (record.topic, record.partition)
        if expected.get(place, record.offset) < record.offset:
            ledger.notes["gaps in the log's offsets"] += 1
        expected[place] = record.offset + 1
        if record.topic not in EVENT_TOPICS:
            ledger.looked["messages of partners"] += 1
            continue
        ledger.looked["records"] += 1
        newest = max(newest, _take(record, keys, services, rows, ledger))
    progress(count)
    return newest


def _take(record: Arrival, keys: KeySet, services: Mapping[str, Service], rows: Rows, ledger: Ledger) -> str:
    where = f"{record.topic}/{record.partition}/{record.offset}"
    try:
        envelope = wire.decode(record.headers)
        if envelope.sequence > HIGHEST_SEQUENCE:
            raise BrokenContract("The sequence is beyond all bounds.")
    except BrokenContract as error:
        ledger.find("contract-broken", service="", detail=f"{where}: {error}")
        return ""
    sound = _signed(record, envelope, keys, where, ledger)
    fact = _said(record, envelope, where, ledger)
    sound = _placed(record, envelope, where, ledger) and sound and fact is not None
    copy = mark(record.topic, record.key, record.headers, record.body)
    at = timestamp(envelope.time)
    rows.events.add(
        (envelope.aggregate, envelope.sequence, envelope.id, ON_BUS),
        {
            "mark": copy,
            "service": envelope.service,
            "topic": record.topic,
            "where": where,
            "sound": sound,
            "epoch": envelope.epoch,
            "at": at,
        },
    )
    print_ = fingerprint(record.headers, record.body)
    if envelope.epoch:
        rows.epochs.add((envelope.service, envelope.epoch, envelope.id, ON_BUS), {"fingerprint": print_})
    if fact is not None:
        if isinstance(fact.event, Checkpoint):
            add_checkpoint(rows, envelope.service, fact.event, print_, ON_BUS)
        _expect(record, fact, copy, at, services, rows)
    return at


def add_checkpoint(rows: Rows, service: str, checkpoint: Checkpoint, print_: str, where: int) -> None:
    """One copy of a checkpoint, for its epoch and for its writer's chain."""
    said = {"count": checkpoint.count, "digest": checkpoint.digest}
    rows.epochs.add((service, f"{checkpoint.writer}/{checkpoint.number}", "", where), said)
    chained = {"previous": checkpoint.previous, "fingerprint": print_, "final": checkpoint.final}
    rows.checkpoints.add((service, checkpoint.writer, checkpoint.number, where), chained)


def _signed(record: Arrival, envelope: Envelope, keys: KeySet, where: str, ledger: Ledger) -> bool:
    ledger.looked["signatures"] += 1
    try:
        verify(record.headers, record.body, keys)
    except BrokenSignature as error:
        kind, detail = "signature-broken", str(error)
    except BrokenContract as error:
        kind, detail = "contract-broken", str(error)
    else:
        return True
    _find(ledger, kind, envelope, f"{where}: {detail}")
    return False


def _said(record: Arrival, envelope: Envelope, where: str, ledger: Ledger) -> Recorded | None:
    try:
        return read(record.headers, record.body, topic=record.topic)
    except BrokenContract as error:
        _find(ledger, "contract-broken", envelope, f"{where}: {error}")
        return None


def _placed(record: Arrival, envelope: Envelope, where: str, ledger: Ledger) -> bool:
    """Whether key, id and aggregate are what the envelope makes them."""
    sound = True
    if record.key != envelope.subject.encode():
        _find(ledger, "wrong-key", envelope, f"{where}: the record's key is not the event's subject")
        sound = False
    if envelope.id != event_id(envelope.aggregate, envelope.sequence):
        _find(ledger, "wrong-id", envelope, f"{where}: the id is not that of sequence {envelope.sequence}")
        sound = False
    if not envelope.aggregate.startswith(f"{envelope.service}/"):
        _find(ledger, "wrong-id", envelope, f"{where}: the aggregate is not one of {envelope.service}")
        sound = False
    return sound


def _expect(record: Arrival, fact: Recorded, copy: bytes, at: str, services: Mapping[str, Service], rows: Rows) -> None:
    """Note in which inboxes the fact must be."""
    kind = type(fact.event)
    for service in services.values():
        if kind not in service.follows:
            continue
        for declared in service.aggregates:
            for key in declared.route(fact):
                said = {"mark": copy, "topic": record.topic, "partition": record.partition, "offset": record.offset}
                rows.inbox.add((declared.id(service.name, key), fact.id, ON_BUS), {**said, "at": at})


def _find(ledger: Ledger, kind: str, envelope: Envelope, detail: str) -> None:
    ledger.find(kind, service=envelope.service, aggregate=envelope.aggregate, event=envelope.id, detail=detail)


def time_of(headers: tuple[wire.Header, ...]) -> str:
    """The event's time as it stands in its headers."""
    return header(headers, "ce_time")
