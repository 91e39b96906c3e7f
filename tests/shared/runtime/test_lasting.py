"""What stays done in keyring and bucket, from their marks to the end of a bus that is a list."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared import clock, ids
from shared.contracts.envelope import Message
from shared.contracts.intake import CaseErased, CaseUpdated, Facets
from shared.errors import NotFound, Unavailable
from shared.runtime import lasting
from shared.runtime.declaration import Lasting, Recorded
from shared.runtime.lasting import BUCKET_MARKS, Undone
from shared.runtime.marks import PUBLISHED
from shared.runtime.messages import Arrival, to_message
from shared.runtime.metrics import Metrics
from shared.trust.sealing import Purpose
from shared.trust.signing import KeySet, SigningKey, generate
from shared.trust.vault import AlreadyThere

KEY = generate("intake", clock.now() - timedelta(hours=1))
OTHER = generate("intake", clock.now() - timedelta(hours=1))
ERASED = "case-erased"


class Bus:
    """Records by topic; stands in for the reading of a real one."""

    def __init__(self) -> None:
        self.records: dict[str, list[Arrival]] = {}
        self.read: list[Arrival] = []

    def says(self, event: Any, key: SigningKey = KEY) -> str:
        case = ids.new()
        told = Recorded(ids.new(), "intake", f"intake/case/{case}", 1, clock.now(), case, event, "c", "c")
        message = to_message(told, key, epoch="")
        topic = self.records.setdefault(message.topic, [])
        topic.append(Arrival(message.topic, 0, len(topic), message.key, message.headers, message.body))
        return case

    def reading(self, _bus: str, topics: Iterable[str], *, since: Any) -> Any:
        bus = self

        class Reading:
            def __init__(self) -> None:
                self.ends = {(one, 0): len(bus.records.get(one, ())) for one in topics}

            async def __aiter__(self):
                for topic, partition in self.ends:
                    for record in bus.records.get(topic, [])[since.get((topic, partition), 0) :]:
                        bus.read.append(record)
                        yield record

        return Reading()


class Keyring:
    def __init__(self) -> None:
        self.upto: dict[str, int] = {}
        self.version = 0
        self.holds: dict[str, set[Purpose]] = {}

    async def marks(self):
        return dict(self.upto), self.version

    async def mark(self, upto, version):
        if version != self.version:
            raise AlreadyThere("others were here")
        self.upto, self.version = dict(upto), version + 1

    async def purposes_kept(self, case, purposes):
        return sorted(self.holds.get(case, set()) & set(purposes))


class Bucket:
    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    async def put(self, name, chunks):
        self.held[name] = b"".join([one async for one in chunks])

    async def get(self, name):
        if name not in self.held:
            raise NotFound
        yield self.held[name]


class Store:
    """``knows``: how far the service has published. ``stored``: its own events by id."""

    def __init__(self) -> None:
        self.knows: dict[tuple[str, int], int] = {}
        self.stored: dict[str, Message] = {}

    async def marks(self, kind):
        return self.knows if kind == PUBLISHED else {}

    async def events(self, event_ids):
        found = [self.stored[one] for one in event_ids if one in self.stored]
        return [one.model_dump() | {"headers": [list(pair) for pair in one.headers]} for one in found]


@pytest.fixture
def bus(monkeypatch):
    bus = Bus()
    monkeypatch.setattr(lasting, "BusReading", bus.reading)
    return bus


@pytest.fixture
def done():
    return []


def of(done: list[str], *declared: Lasting, name: str = "intake") -> Any:
    async def again(fact: Recorded, _running: Any) -> str:
        done.append(fact.case)
        return "was-undone"

    service = SimpleNamespace(name=name, lasting=declared or (Lasting("keyring", (CaseErased,), again, True),))
    if declared and declared[0].again is None:
        service.lasting = (Lasting(declared[0].place, declared[0].facts, again, declared[0].before_serving),)
    return SimpleNamespace(
        service=service,
        keyring=Keyring(),
        objects=Bucket(),
        store=Store(),
        keys=KeySet([KEY.public()]),
        metrics=Metrics(),
    )


def erased(bus: Bus, key: SigningKey = KEY) -> str:
    return bus.says(CaseErased(erasure=ids.new(), certificate="0" * 64), key)


async def test_what_was_said_since_the_marks_is_done_again_before_anybody_is_served(bus, done):
    running = of(done)
    cases = [erased(bus) for _ in range(40)]
    running.keyring.upto = {f"{ERASED}/0": 3}
    await Undone(running, "bus").before_serving()
    assert sorted(done) == sorted(cases[3:])
    assert running.keyring.upto == {f"{ERASED}/0": 40}
    found = running.metrics.registry.get_sample_value("recours_found_undone_total", {"found": "was-undone"})
    assert found == 37


async def test_nothing_is_read_while_the_marks_are_level_with_what_the_service_knows(bus, done):
    running = of(done)
    erased(bus)
    running.store.knows = {(ERASED, 0): 1, ("case-updated", 0): 9}
    running.keyring.upto = {f"{ERASED}/0": 1}
    await Undone(running, "bus").turn()
    assert bus.read == []


async def test_a_keyring_that_is_restored_while_the_service_runs_is_brought_up(bus, done):
    running = of(done)
    case = erased(bus)
    undone = Undone(running, "bus")
    running.store.knows = {(ERASED, 0): 1}
    await undone.turn()
    running.keyring.upto = {}
    await undone.turn()
    assert done == [case, case]


async def test_a_bucket_keeps_its_marks_as_an_object(bus, done):
    running = of(done, Lasting("objects", (CaseErased,), None))
    erased(bus)
    running.store.knows = {(ERASED, 0): 1}
    await Undone(running, "bus").turn()
    assert json.loads(running.objects.held[BUCKET_MARKS]) == {f"{ERASED}/0": 1}
    await Undone(running, "bus").turn()
    assert len(done) == 1


async def test_what_nobody_vouches_for_destroys_nothing(bus, done):
    """Else whoever can write to the bus could have any case's keys destroyed."""
    erased(bus, OTHER)
    running = of(done)
    await Undone(running, "bus").before_serving()
    assert done == []
    assert running.keyring.upto == {f"{ERASED}/0": 1}


async def test_the_own_store_vouches_for_a_key_that_the_restored_keyring_lacks(bus, done):
    case = erased(bus, OTHER)
    running = of(done)
    (record,) = bus.records[ERASED]
    message = Message(topic=record.topic, key=record.key, headers=record.headers, body=record.body)
    running.store.stored = {dict(record.headers)["ce_id"].decode(): message}
    await Undone(running, "bus").before_serving()
    assert done == [case]


async def test_marks_stay_where_something_could_not_be_done_again(bus, done):
    async def away(_fact: Recorded, _running: Any) -> str:
        raise Unavailable("The keyring is away.")

    running = of(done, Lasting("keyring", (CaseErased,), away, True))
    erased(bus)
    with pytest.raises(Unavailable):
        await Undone(running, "bus").before_serving()
    assert running.keyring.upto == {}


async def test_marks_that_another_replica_wrote_meanwhile_are_left_alone(bus, done):
    async def raced(_fact: Recorded, running: Any) -> str:
        await running.keyring.mark({f"{ERASED}/0": 7}, running.keyring.version)
        return ""

    running = of(done, Lasting("keyring", (CaseErased,), raced, True))
    erased(bus)
    await Undone(running, "bus").before_serving()
    assert running.keyring.upto == {f"{ERASED}/0": 7}


@pytest.mark.parametrize(("name", "purpose", "waits"), [("notify", "contact", True), ("notify", "evidence", False)])
async def test_a_service_waits_while_it_could_open_what_an_erased_case_sealed(bus, done, name, purpose, waits):
    running = of(done, Lasting("objects", (CaseUpdated,), None), name=name)
    bus.says(CaseUpdated(facets=Facets(persona="victim")))
    case = erased(bus)
    running.keyring.holds = {case: {Purpose(purpose)}}
    undone = Undone(running, "bus")
    if waits:
        with pytest.raises(Unavailable, match="intake has to destroy them"):
            await undone.before_serving()
        running.keyring.holds = {}
    await undone.before_serving()
