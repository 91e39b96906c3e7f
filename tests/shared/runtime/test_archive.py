"""Reading the log to its end: what counts as the end where watermarks were raised for nothing, and what does not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from shared.errors import Unavailable
from shared.runtime import archive
from shared.runtime.archive import BusReading

OPENED = TopicPartition("case-opened", 0)


class Bus:
    """What is asked of aiokafka's consumer, of one partition: batches as they come, then nothing."""

    def __init__(self, *batches: int, mark: int, answers: bool = True) -> None:
        self._batches = list(batches)
        self._mark = mark
        self._answers = answers
        self._position = 0
        self._polls = 0

    async def getmany(self, *, timeout_ms, max_records):
        await asyncio.sleep(0.002)
        self._polls += self._answers or bool(self._batches)
        if not self._batches:
            return {}
        start, self._position = self._position, self._position + self._batches.pop(0)
        return {OPENED: [record(offset) for offset in range(start, self._position)]}

    def highwater(self, partition):
        return self._mark

    def last_poll_timestamp(self, partition):
        return self._polls

    async def position(self, partition):
        return self._position

    def pause(self, *partitions): ...


def record(offset: int):
    return SimpleNamespace(topic=OPENED.topic, partition=0, offset=offset, key=b"k", headers=(), value=b"{}")


async def offsets(bus: Bus, *, pause: float = 0.0) -> list[int]:
    found = []
    async for one in BusReading("", [])._until_watermarks(bus, {OPENED: 0}):  # type: ignore[arg-type]
        found.append(one.offset)
        await asyncio.sleep(pause)
    return found


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(archive, "HOLE", 0.05)
    monkeypatch.setattr(archive, "SILENCE", 0.3)


async def test_the_log_ends_where_the_bus_answers_and_gives_nothing():
    assert await offsets(Bus(2, mark=3)) == [0, 1]


async def test_the_log_does_not_end_while_whoever_takes_the_records_takes_long():
    assert await offsets(Bus(2, 2, 2, mark=6), pause=0.06) == [0, 1, 2, 3, 4, 5]


async def test_a_bus_that_answers_no_more_is_not_at_its_end():
    with pytest.raises(Unavailable, match="stopped answering"):
        await offsets(Bus(2, mark=3, answers=False))
