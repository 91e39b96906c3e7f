"""The consuming side over a bus that is not there: what is committed, sought back, waited for."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import replace
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator

from shared.contracts.intake import CaseOpened, CaseUpdated, Facets
from shared.contracts.partners import Cover
from shared.errors import Unavailable
from shared.runtime import consumer as consumers
from shared.runtime.consumer import EventConsumer, _Listener
from shared.runtime.declaration import Acceptance, Aggregate, Service, State, quiet
from shared.runtime.raw_records import arrival_of
from shared.runtime.transactions import StoreDown
from shared.trust.signing import KeySet
from tests.shared.runtime.memory import KEYS, Memory, arrival, engine_of

HERE = TopicPartition("case-updated", 0)


class Client:
    """What EventConsumer asks of aiokafka's consumer."""

    def __init__(self) -> None:
        self.held = {HERE}
        self.committed_to: list[dict] = []
        self.sought: list[tuple] = []
        self.paused: set = set()
        self.hangs = False
        self.slow: asyncio.Event | None = None
        """What the next commit waits for."""
        self.asked = asyncio.Event()
        self.group: dict[TopicPartition, int] = {HERE: 0}
        self.beginning = 0

    async def committed(self, partition):
        return self.group.get(partition)

    async def beginning_offsets(self, partitions):
        return dict.fromkeys(partitions, self.beginning)

    def assignment(self):
        return set(self.held)

    async def commit(self, offsets):
        if self.hangs:
            await asyncio.Event().wait()
        self.asked.set()
        slow, self.slow = self.slow, None
        if slow:
            await slow.wait()
        self.committed_to.append(offsets)

    def seek(self, partition, offset):
        self.sought.append((partition, offset))

    def pause(self, *partitions):
        self.paused |= set(partitions)

    def resume(self, *partitions):
        self.paused -= set(partitions)

    def highwater(self, partition):
        return None

    def last_poll_timestamp(self, partition):
        return None


def service(**more) -> Service:
    whole = Aggregate("case", State, quiet, lambda state, fact: state)
    return Service("notify", (whole,), (), (CaseUpdated, CaseOpened), **more)


def following(store: Memory, keys=lambda: KEYS, declared: Service | None = None, **more):
    declared = declared or service()
    consumer = EventConsumer(declared, engine_of(declared, store), keys, bus="127.0.0.1:1", name="x", **more)
    client = Client()
    consumer._subscriber.consumer = client
    return consumer, client


def record(sequence: int, offset: int | None = None, *, of=None):
    one = of or arrival(CaseUpdated(facets=Facets(persona="victim", authors_at_most=sequence)), sequence)
    where = one.offset if offset is None else offset
    return SimpleNamespace(topic=one.topic, partition=0, offset=where, key=one.key, headers=one.headers, value=one.body)


def test_a_header_without_a_value_makes_an_unreadable_record_and_no_exception():
    sick = record(1)
    sick.headers = (*sick.headers, ("x-null", None))
    assert arrival_of(sick, KEYS).fact is not None
    sick.headers = tuple((name, None if name == "ce_id" else value) for name, value in sick.headers)
    assert arrival_of(sick, KEYS).problem


async def test_offsets_are_committed_after_the_transaction_one_past_the_last():
    store = Memory()
    consumer, client = following(store)
    store.before_write = lambda _writes: client.committed_to.append({"too": "early"}) if client.committed_to else None
    await consumer._handle((record(1, 4), record(2, 5)))
    assert client.committed_to == [{HERE: 6}]
    assert len(store.inbox) == 2


MARKED = ("case-updated", 0)


@pytest.mark.parametrize(
    ("group", "mark", "begins"),
    [(9, 9, None), (9, 20, None), (9, 4, 4), (9, None, 2), (None, 4, 2)],
    ids=["as the group", "group behind", "restored", "lost", "new group"],
)
async def test_reading_begins_where_the_store_ends(group, mark, begins):
    async def marks():
        return {} if mark is None else {MARKED: mark}

    store = Memory()
    consumer, client = following(store, marks=marks)
    client.group, client.beginning = {} if group is None else {HERE: group}, 2
    await consumer._handle((record(1, 9),))
    assert set(client.sought) == (set() if begins is None else {(HERE, begins)})
    assert len(store.inbox) == (1 if begins is None else 0)
    assert bool(client.committed_to) == (begins is None)
    sought = len(client.sought)
    await consumer._handle((record(1, 9),))
    assert len(client.sought) == sought
    assert len(store.inbox) == 1


async def test_what_was_fetched_with_a_partition_that_goes_back_is_fetched_again_too():
    async def marks():
        return {MARKED: 4, ("case-opened", 0): 7}

    other = TopicPartition("case-opened", 0)
    store = Memory()
    consumer, client = following(store, marks=marks)
    client.held, client.group = {HERE, other}, {HERE: 9, other: 7}
    opened = record(1, 7)
    opened.topic = "case-opened"
    await consumer._handle((record(1, 9), opened))
    assert set(client.sought) == {(other, 7), (HERE, 4)}
    assert (len(store.inbox), client.committed_to) == (0, [])


async def test_what_was_fetched_before_its_partition_went_back_is_fetched_again():
    async def marks():
        return {MARKED: 4}

    store = Memory()
    consumer, client = following(store, marks=marks)
    client.group = {HERE: 9}
    await consumer.observe()
    assert client.sought == [(HERE, 4)]
    await consumer._handle((record(1, 9),))
    assert (client.sought[1:], len(store.inbox), consumer.progress.reached()) == ([(HERE, 4)], 0, {MARKED: 4})
    await consumer._handle((record(1, 4), record(2, 5)))
    assert (len(store.inbox), consumer.progress.reached()) == (2, {MARKED: 6})


async def test_offsets_that_the_bus_did_not_tell_us_and_told_the_client_leave_no_gap():
    consumer, client = following(store := Memory())
    client.group = {}
    await consumer.observe()  # Kafka was loading its group's offsets: none
    assert client.sought == [(HERE, 0)]
    await consumer._handle((record(3, 10),))  # the client had begun where the group ended
    assert (client.sought, len(store.inbox)) == ([(HERE, 0)] * 2, 0)
    await consumer._handle((record(1, 0), record(2, 1)))
    assert consumer.progress.reached() == {MARKED: 2}


async def test_one_batch_alone_may_be_of_before_a_partition_went_back():
    async def marks():
        return {MARKED: 4, ("case-opened", 0): 7}

    other = TopicPartition("case-opened", 0)
    consumer, client = following(Memory(), marks=marks)
    client.held, client.group = {HERE, other}, {HERE: 9, other: 7}
    await consumer.observe()
    opened = record(1, 7)
    opened.topic = "case-opened"
    await consumer._handle((opened,))
    await consumer._handle((record(1, 4),))
    assert client.sought == [(HERE, 4)]
    assert consumer.progress.reached() == {MARKED: 5, ("case-opened", 0): 8}


async def test_a_partition_whose_mark_cannot_be_read_is_not_read(monkeypatch):
    async def marks():
        raise StoreDown("down")

    store = Memory()
    consumer, client = following(store, marks=marks)
    await consumer._handle((record(1, 9),))
    assert (len(store.inbox), client.committed_to, client.sought) == (0, [], [(HERE, 9)])
    consumer._resuming.cancel()


async def test_what_this_member_stored_is_not_read_again_after_a_rebalance():
    async def marks():
        return {MARKED: 4}

    consumer, client = following(Memory(), marks=marks)
    client.group = {HERE: 4}
    await consumer._handle((record(1, 4), record(2, 5)))
    await _Listener(consumer).on_partitions_revoked([HERE])
    client.group = {HERE: 6}
    await consumer._handle((record(3, 6),))
    assert client.sought == []


async def test_a_client_whose_group_task_ended_is_broken():
    consumer, client = following(Memory())
    assert not consumer.broken
    client._coordinator = SimpleNamespace(_coordination_task=asyncio.create_task(asyncio.sleep(0)))
    assert not consumer.broken
    await client._coordinator._coordination_task
    assert consumer.broken
    assert "_coordination_task = " in inspect.getsource(GroupCoordinator), "another version of the client: look again"
    assert "self._coordinator = " in inspect.getsource(AIOKafkaConsumer)


async def test_only_partitions_still_held_are_committed():
    consumer, client = following(Memory())
    client.held = set()
    await consumer._handle((record(1),))
    assert client.committed_to == []


@pytest.mark.parametrize("error", [StoreDown("down"), RuntimeError("else")])
async def test_an_outage_commits_nothing_seeks_back_pauses_and_resumes(monkeypatch, error):
    monkeypatch.setattr(consumers, "PAUSE", consumers.PAUSE / 50)
    store = Memory()
    consumer, client = following(store)

    async def fails(groups):
        raise error

    monkeypatch.setattr(consumer._engine.facts, "apply", fails)
    await consumer._handle((record(1, 4), record(2, 5)))
    assert client.committed_to == []
    assert client.sought == [(HERE, 4)]
    assert client.paused == {HERE}
    async with asyncio.timeout(2):
        await consumer._resuming
    assert not client.paused


async def test_a_commit_that_gets_no_answer_does_not_keep_the_batch(monkeypatch):
    monkeypatch.setattr(consumers, "COMMIT_TIMEOUT", 0.02)
    consumer, client = following(Memory())
    client.hangs = True
    async with asyncio.timeout(2):
        await consumer._handle((record(1, 4),))
    assert (client.sought, client.committed_to) == ([], [])
    client.hangs = False
    await consumer.observe()
    await consumer._committing
    assert client.committed_to == [{HERE: 5}]
    await consumer.observe()
    await consumer._committing
    assert client.committed_to == [{HERE: 5}]


async def test_a_slow_commit_never_comes_after_one_of_a_later_offset():
    consumer, client = following(Memory())
    client.slow = answer = asyncio.Event()
    first = asyncio.create_task(consumer._handle((record(1, 4),)))
    await client.asked.wait()
    consumer._uncommitted[HERE] = 6
    later = asyncio.create_task(consumer._commit_rest(client))
    await asyncio.sleep(0)
    answer.set()
    async with asyncio.timeout(2):
        await asyncio.gather(first, later)
    assert client.committed_to == [{HERE: 5}, {HERE: 6}]
    assert consumer._uncommitted == {}


async def test_an_offset_of_a_partition_that_was_taken_away_is_not_committed_later(monkeypatch):
    monkeypatch.setattr(consumers, "COMMIT_TIMEOUT", 0.02)
    consumer, client = following(Memory())
    client.hangs = True
    async with asyncio.timeout(2):
        await consumer._handle((record(1, 4),))
    client.hangs = False
    await _Listener(consumer).on_partitions_revoked({HERE})
    await consumer.observe()
    assert (consumer._committing, client.committed_to) == (None, [])


async def test_leaving_waits_for_the_batch_in_hand_and_for_nothing_that_waits_for_it():
    store = Memory()
    consumer, client = following(store)
    order: list[str] = []

    class Broker:
        async def stop(self) -> None:
            order.append("leaving")
            # What FastStream and aiokafka do: wait for a handler that was just called, and for a rebalance.
            await consumer._handle((record(1),))
            await _Listener(consumer).on_partitions_revoked({HERE})
            order.append("left")

    consumer._broker = Broker()
    async with consumer._busy:
        leaving = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0)
        order.append("batch ended")
    async with asyncio.timeout(2):
        await leaving
    assert order == ["batch ended", "leaving", "left"]
    assert not store.inbox
    assert client.committed_to == []


async def test_a_rebalance_waits_for_the_batch_in_hand():
    consumer, _ = following(Memory())
    async with consumer._busy:
        revoking = asyncio.create_task(_Listener(consumer).on_partitions_revoked({HERE}))
        await asyncio.sleep(0)
        assert not revoking.done()
    async with asyncio.timeout(2):
        await revoking


async def test_an_unknown_signing_key_is_fetched_before_a_message_is_judged():
    keys, asked = KeySet(), []

    async def refresh() -> None:
        nonlocal keys
        asked.append(1)
        keys = KEYS

    store = Memory()
    consumer, _ = following(store, lambda: keys, refresh=refresh)
    CaseUpdated.signed_before_fold, before = True, CaseUpdated.signed_before_fold
    try:
        await consumer._handle((record(1),))
        await consumer._handle((record(2),))
    finally:
        CaseUpdated.signed_before_fold = before
    assert len(store.inbox) == 2
    assert not store.letters
    assert asked == [1]


async def test_a_partners_message_that_must_be_given_again_keeps_the_whole_batch_back():
    async def outside(_arrival):
        raise Unavailable("again")

    declared = service(accepts=(Acceptance(Cover, lambda *_: None),))
    store = Memory()
    consumer, client = following(store, declared=declared, outside=outside)
    message = replace(arrival(CaseUpdated(facets=Facets(persona="victim"))), topic="partner.cover")
    await consumer._handle((record(1), record(1, of=message)))
    consumer._resuming.cancel()
    assert client.committed_to == []
    assert not store.inbox
