"""Every state folded again from inbox and events, and compared with the one that is stored (I6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from deploy.audit.findings import Ledger
from deploy.audit.sorting import Sorter
from deploy.audit.stores import EVENT, INBOX, LETTER, REFERENCE, STATE, WRITER, Source, part_key
from shared.clock import milliseconds
from shared.errors import BrokenContract
from shared.runtime.declaration import Aggregate, Recorded, Service
from shared.runtime.documents import Document, fact_of, partition_of
from shared.runtime.letters import where

LOOKS = 5
"""How often an aggregate that seems wrong and is being written is looked at again."""

_COLLECTIONS = ((LETTER, "dead_letters"), (REFERENCE, "references"), (INBOX, "inbox"), (EVENT, "events"))

Part = tuple[int, str, Document]
"""Which part of an aggregate, its document's id, the document."""


class Watch(Protocol):
    """A further check of a service's aggregates that sees their own events in order, such as that of timestamps."""

    def fact(self, fact: Recorded) -> None:
        """One of the aggregate's own events."""

    async def end(self, aggregate: str, ledger: Ledger) -> None:
        """The aggregate had no more."""


class Problem(NamedTuple):
    kind: str
    event: str
    detail: str


async def check_states(
    source: Source, folds: Sorter, ledger: Ledger, watch: Watch | None, *, progress: Callable[[int], None]
) -> None:
    """Fold and compare every aggregate of a service. Raises Unavailable."""
    for count, (aggregate, of_aggregate) in enumerate(groupby(folds.rows(), key=lambda row: row[0][0]), 1):
        if count % 100 == 0:
            progress(count)
        kind = _kind(aggregate)
        if kind == WRITER:
            continue
        parts = ((key[1], key[3], value) for key, value in of_aggregate)
        problems = judge(source.service, aggregate, parts, source.settings.partitions, watch, ledger.notes)
        ledger.looked["states folded again"] += 1
        if problems:
            problems = await _again(source, aggregate, ledger)
        for one in problems:
            ledger.find(one.kind, service=source.name, aggregate=aggregate, event=one.event, detail=one.detail)
        if watch is not None:
            await watch.end(aggregate, ledger)


def judge(
    service: Service,
    aggregate: str,
    parts: Iterable[Part],
    partitions: int,
    watch: Watch | None,
    notes: Counter[str],
) -> list[Problem]:
    """What is wrong with one aggregate, its parts given in their order: state, letters, references, inbox, events."""
    try:
        declared = service.aggregate_of(aggregate)
    except (KeyError, IndexError):
        for _ in parts:
            pass
        return [Problem("state-differs", "", f"{service.name} declares no aggregate of this kind")]
    fold = _Fold(declared, aggregate, watch)
    for part, document_id, document in parts:
        fold.take(part, document_id, document)
    return [*fold.problems, *fold.compared(partitions, notes)]


class _Fold:
    """The state of one aggregate in the making, beside what the store has of it."""

    def __init__(self, declared: Aggregate, aggregate: str, watch: Watch | None) -> None:
        self.problems: list[Problem] = []
        self._declared = declared
        self._aggregate = aggregate
        self._watch = watch
        self._document: Document | None = None
        self._state: Any = declared.state()
        self._sequence = 0
        self._letters = 0
        self._references: set[str] = set()
        self._facts = 0

    def take(self, part: int, document_id: str, document: Document) -> None:
        if part == STATE:
            self._document = document
        elif part == LETTER:
            self._letters += 1
        elif part == REFERENCE:
            self._references.add(document_id)
        else:
            self._fold(part, document_id, document)

    def _fold(self, part: int, document_id: str, document: Document) -> None:
        self._facts += 1
        kind = "inbox-differs" if part == INBOX else "contract-broken"
        try:
            fact = fact_of(document)
        except (BrokenContract, KeyError, ValueError, TypeError) as error:
            said = str(error) if isinstance(error, BrokenContract) else _plain(error)
            self.problems.append(Problem(kind, document_id.rpartition("/")[2], f"as it is stored: {said}"))
            return
        expected = f"{self._aggregate}/{fact.id}" if part == INBOX else fact.id
        if document_id != expected:
            self.problems.append(Problem(kind, fact.id, "it is stored under another id than its own"))
        try:
            self._state = self._declared.evolve(self._state, fact)
        except Exception as error:  # a pure function may raise anything
            self.problems.append(Problem("refold-failed", fact.id, where(error)))
        if part == EVENT:
            self._sequence = fact.sequence
            if self._watch is not None:
                self._watch.fact(fact)

    def compared(self, partitions: int, notes: Counter[str]) -> list[Problem]:
        document, declared = self._document, self._declared
        if document is None:
            if self._facts:
                return [Problem("state-missing", "", f"{self._facts} facts and no state")]
            return [Problem("reference-differs", "", "references or dead letters name it, and it is not there")]
        if not self._facts and not self._letters:
            return [Problem("state-without-facts", "", "neither inbox nor events hold a fact of it")]
        try:
            return self._differences(document, partitions, notes)
        except (KeyError, TypeError, ValueError) as error:
            return [Problem("state-differs", "", f"the document of {declared.name} cannot be read: {_plain(error)}")]

    def _differences(self, document: Document, partitions: int, notes: Counter[str]) -> list[Problem]:
        declared = self._declared
        beside = {
            "kind": declared.name,
            "partition": partition_of(document["case"], partitions),
            "sequence": self._sequence,
            "held": self._letters,
        }
        other = [name for name, value in beside.items() if document[name] != value]
        if document["fold"] != declared.fold:
            notes["states of another fold, made again when next loaded"] += 1
        else:
            stored = declared.state.model_validate_json(document["state"])
            folded = declared.state.model_validate_json(self._state.model_dump_json())
            other += [name for name in declared.state.model_fields if getattr(stored, name) != getattr(folded, name)]
            wake = declared.wake(self._state)
            settled = not document["held"] and not document["pending"]
            if settled and document["wake"] != (None if wake is None else milliseconds(wake)):
                other.append("wake")
        problems = [Problem("state-differs", "", f"in {', '.join(other)}")] if other else []
        lacking = set(declared.references(self._state)) - self._references
        if lacking:
            problems.append(Problem("reference-differs", "", f"{len(lacking)} of its references do not lead to it"))
        return problems


def _plain(error: Exception) -> str:
    return f"no field {error}" if isinstance(error, KeyError) else type(error).__name__


async def _again(source: Source, aggregate: str, ledger: Ledger) -> list[Problem]:
    """Look once more, under the state's revision: every write of inbox or events changes it."""
    store = source.store
    for _ in range(LOOKS):
        before = await store.find("states", aggregate)
        found = [(STATE, before)] if before else []
        for part, collection in _COLLECTIONS:
            found += [(part, one) async for one in store.scan(collection, {"aggregate": aggregate})]
        after = await store.find("states", aggregate)
        if (before or {}).get("revision") == (after or {}).get("revision"):
            parts = sorted(((part_key(part, one), one) for part, one in found), key=lambda pair: pair[0])
            said = ((key[1], key[3], one) for key, one in parts)
            return judge(source.service, aggregate, said, source.settings.partitions, None, Counter())
    ledger.notes["states that changed too fast to be judged"] += 1
    return []


def _kind(aggregate: str) -> str:
    return (*aggregate.split("/", 2), "", "")[1]
