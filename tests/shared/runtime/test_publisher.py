"""Publishing: one connection, leftovers swept, nothing forgotten before it was acknowledged."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError

from shared.contracts.envelope import Message
from shared.errors import Unavailable
from shared.runtime import publisher as publishers
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.transactions import StoreDown

MESSAGE = Message(topic="case-opened", key=b"c", headers=(("a", b"b"),), body=b"{}")


class Producer:
    made: ClassVar[list[Producer]] = []
    fails = False
    hangs = False

    def __init__(self, **_) -> None:
        self.made.append(self)
        self.stopped = False
        self.sent: list[tuple] = []

    async def start(self) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise KafkaConnectionError("down")
        if self.hangs:
            await asyncio.Event().wait()

    async def stop(self) -> None:
        self.stopped = True

    async def send(self, topic, *, value, key, headers):
        self.sent.append((topic, key, value, headers))
        future = asyncio.get_running_loop().create_future()
        future.set_result(SimpleNamespace(topic=topic, partition=0, offset=len(self.sent) - 1))
        return future


class Outbox:
    def __init__(self) -> None:
        self.forgotten: set[str] = set()
        self.down = False

    async def published(self, ids) -> None:
        if self.down:
            raise StoreDown("down")
        self.forgotten |= set(ids)


@pytest.fixture
def producer(monkeypatch):
    class Fresh(Producer):
        made: ClassVar[list[Producer]] = []

    monkeypatch.setattr(publishers, "AIOKafkaProducer", Fresh)
    return Fresh


def publisher(store: Outbox | None = None) -> Publisher:
    return Publisher("127.0.0.1:1", store or Outbox(), Metrics(), idempotence=True, owner="w")  # type: ignore[arg-type]


async def test_many_who_publish_at_once_share_one_connection(producer):
    one = publisher()
    await asyncio.gather(*(one.publish(f"o{number}", [MESSAGE]) for number in range(5)))
    assert len(producer.made) == 1
    assert len(producer.made[0].sent) == 5
    assert producer.made[0].sent[0] == ("case-opened", b"c", b"{}", [("a", b"b")])
    assert one.reached == {("case-opened", 0): 5}


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_a_connection_that_does_not_come_about_is_closed(producer, monkeypatch, how):
    monkeypatch.setattr(publishers, "SEND_TIMEOUT", 0.05)
    setattr(producer, how, True)
    one = publisher()
    with pytest.raises(Unavailable):
        await one.send([MESSAGE])
    assert [made.stopped for made in producer.made] == [True]
    setattr(producer, how, False)
    await one.send([MESSAGE])


async def test_the_outbox_is_forgotten_only_after_the_acknowledgement_and_again_after_an_outage(producer):
    store = Outbox()
    one = publisher(store)
    producer.fails = True
    await one.publish("o1", [MESSAGE])
    await one.forget()
    assert store.forgotten == set()
    producer.fails = False
    await one.publish("o1", [MESSAGE])
    store.down = True
    with pytest.raises(StoreDown):
        await one.forget()
    store.down = False
    await one.forget()
    assert store.forgotten == {"o1"}


async def test_a_consumer_is_only_so_many_transactions_ahead_of_the_acknowledgements(producer, monkeypatch):
    acknowledged = asyncio.get_running_loop().create_future()

    async def send(self, topic, **_):
        return acknowledged

    monkeypatch.setattr(Producer, "send", send)
    one = publisher()
    for number in range(publishers.AHEAD):
        one.publish_soon(f"o{number}", [MESSAGE])
    async with asyncio.timeout(1):
        await one.room()
    one.publish_soon("another", [MESSAGE])
    waiting = asyncio.create_task(one.room())
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    acknowledged.set_result(SimpleNamespace(topic="case-opened", partition=0, offset=0))
    async with asyncio.timeout(1):
        await waiting


async def test_stopping_waits_for_what_is_being_sent_and_forgets_it(producer):
    store = Outbox()
    one = publisher(store)
    one.publish_soon("o1", [MESSAGE])
    await one.stop()
    assert store.forgotten == {"o1"}
    assert producer.made[0].stopped
