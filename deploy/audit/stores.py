"""The pass over one service: its checkpoint objects, then its store, then its outbox, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.audit.findings import Ledger
from deploy.audit.log import add_checkpoint, time_of
from deploy.audit.marks import AS_OBJECT, IN_STORE, Rows, mark
from deploy.audit.sorting import Sorter
from shared.contracts.envelope import Message
from shared.contracts.everyone import Checkpoint
from shared.errors import BrokenContract, NotFound
from shared.objects import Objects
from shared.runtime.checkpoints import fingerprint
from shared.runtime.declaration import Service
from shared.runtime.documents import Document, headers_of
from shared.runtime.messages import read, verify
from shared.runtime.store import Store
from shared.settings import Settings
from shared.trust.signing import KeySet

STATE, LETTER, REFERENCE, INBOX, EVENT = range(5)
"""Parts of an aggregate, in the order in which ``folds`` reads them."""
WRITER: Final = "writer"
"""The kind of aggregate that a service's checkpoints belong to; it has no state."""
PREFIX: Final = "checkpoint."
AT_ONCE: Final = 8


@dataclass
class Source:
    """One service to audit: what it declares, and how to reach what it keeps."""

    service: Service
    settings: Settings
    store: Store
    objects: Objects
    committed: Mapping[tuple[str, int], int] | None = None
    """What its consumer group had read when the audit began; None: everything must have been read."""
    letters: dict[tuple[str, int, int], bytes] = field(default_factory=dict)
    """Its dead letters that hold a record: place on the bus → mark."""

    @property
    def name(self) -> str:
        return self.service.name


async def read_objects(source: Source, keys: KeySet, rows: Rows, ledger: Ledger) -> None:
    """Every checkpoint object, its signature verified. Raises Unavailable."""
    names = await source.objects.names(PREFIX)
    for at in range(0, len(names), AT_ONCE):
        chunk = names[at : at + AT_ONCE]
        contents = await asyncio.gather(*(_content(source.objects, name) for name in chunk))
        for name, content in zip(chunk, contents, strict=True):
            if content is not None:
                _take_object(source, name, content, keys, rows, ledger)


def _take_object(source: Source, name: str, content: bytes, keys: KeySet, rows: Rows, ledger: Ledger) -> None:
    ledger.looked["checkpoint objects"] += 1
    try:
        message = Message.model_validate_json(content)
        verify(message.headers, message.body, keys)
        fact = read(message.headers, message.body, topic=Checkpoint.name)
        if not isinstance(fact.event, Checkpoint) or fact.source != source.name:
            raise BrokenContract("It is no checkpoint of this service.")
        if name != f"{PREFIX}{fact.event.writer}.{fact.event.number}":
            raise BrokenContract("It is another checkpoint than its name says.")
    except ValueError:
        ledger.find("object-unreadable", service=source.name, detail=f"object {name}: it is no message")
    except BrokenContract as error:
        ledger.find("checkpoint-differs", service=source.name, detail=f"object {name}: {error}")
    else:
        add_checkpoint(rows, source.name, fact.event, fingerprint(message.headers, message.body), AS_OBJECT)


async def _content(objects: Objects, name: str) -> bytes | None:
    try:
        return b"".join([chunk async for chunk in objects.get(name)])
    except NotFound:
        return None


async def read_store(
    source: Source, rows: Rows, ledger: Ledger, directory: Path, *, progress: Callable[[int], None]
) -> Sorter:
    """Sort the whole store; gives its aggregates' parts, keyed (aggregate, part, sequence, document id).

    Raises Unavailable.
    """
    folds = Sorter(directory, f"folds.{source.name}")
    readers = {"states": _state, "inbox": _inbox, "events": _event, "references": _reference, "dead_letters": _letter}
    count = 0
    for collection, take in readers.items():
        async for document in source.store.scan(collection):
            try:
                take(source, document, rows, folds, ledger)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                detail = f"{collection}, document {document['_id']}: it lacks its shape ({type(error).__name__})"
                ledger.find("document-broken", service=source.name, detail=detail)
            ledger.looked[f"{collection.replace('_', ' ')} in the stores"] += 1
            count += 1
            if count % 500 == 0:
                progress(count)
    async for document in source.store.scan("outbox"):
        for one in document["events"]:
            rows.unpublished.add((str(one), 0))
    folds.rest()
    progress(count)
    return folds


def part_key(part: int, document: Document) -> tuple[str, int, int, str]:
    """Where a document stands among the parts of its aggregate."""
    aggregate = document["_id"] if part == STATE else document.get("aggregate", "")
    sequence = document.get("sequence", 0) if part == EVENT else 0
    return (str(aggregate), part, sequence if isinstance(sequence, int) else 0, str(document["_id"]))


def _state(_source: Source, document: Document, _rows: Rows, folds: Sorter, _ledger: Ledger) -> None:
    folds.add(part_key(STATE, document), document)


def _reference(_source: Source, document: Document, _rows: Rows, folds: Sorter, _ledger: Ledger) -> None:
    folds.add(part_key(REFERENCE, document))


def _letter(source: Source, document: Document, _rows: Rows, folds: Sorter, _ledger: Ledger) -> None:
    folds.add(part_key(LETTER, document))
    if document["kind"] == "fact":
        source.letters[document["topic"], document["partition"], document["offset"]] = _mark(document)


def _inbox(_source: Source, document: Document, rows: Rows, folds: Sorter, _ledger: Ledger) -> None:
    folds.add(part_key(INBOX, document), {name: document[name] for name in ("_id", "headers", "body")})
    aggregate = str(document["aggregate"])
    fact = str(document["_id"]).removeprefix(f"{aggregate}/")
    said = {"mark": _mark(document), "at": time_of(headers_of(document["headers"]))}
    rows.inbox.add((aggregate, fact, IN_STORE), said)


def _event(source: Source, document: Document, rows: Rows, folds: Sorter, ledger: Ledger) -> None:
    folds.add(part_key(EVENT, document), {name: document[name] for name in ("_id", "headers", "body")})
    ledger.types[source.name, document["topic"]]["store"] += 1
    headers, body = headers_of(document["headers"]), bytes(document["body"])
    rows.events.add(
        (str(document["aggregate"]), document["sequence"], str(document["_id"]), IN_STORE),
        {"mark": _mark(document), "service": source.name, "topic": document["topic"], "at": time_of(headers)},
    )
    print_ = fingerprint(headers, body)
    if document["epoch"]:
        rows.epochs.add((source.name, document["epoch"], str(document["_id"]), IN_STORE), {"fingerprint": print_})
    if document["topic"] == Checkpoint.name:
        try:
            checkpoint = Checkpoint.model_validate_json(body)
        except ValueError:
            return  # the comparison with the bus says it
        add_checkpoint(rows, source.name, checkpoint, print_, IN_STORE)


def _mark(document: Mapping[str, Any]) -> bytes:
    return mark(document["topic"], bytes(document["key"]), headers_of(document["headers"]), bytes(document["body"]))
