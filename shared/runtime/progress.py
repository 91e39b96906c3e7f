"""How far this member has read: when `react` may speak, and until which instant wakes are due.

For each partition number, the topics' high watermarks are noted as one reading with the instant they were seen; once
everything below them is stored, the partition's horizon is that instant. Before the first horizon it is catching up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiokafka import TopicPartition

from shared.clock import milliseconds

FLIGHT = timedelta(seconds=1)
"""A watermark is as old as the answer's flight: a reading counts as of this much before it was received."""

CURRENT = timedelta(seconds=30)
"""Further behind than this, what is absent may only be late: reactions wait for the horizon."""


class Consumer(Protocol):
    """What is asked of aiokafka's consumer."""

    def assignment(self) -> Iterable[TopicPartition]: ...
    def highwater(self, partition: TopicPartition) -> int | None: ...
    def last_poll_timestamp(self, partition: TopicPartition) -> int | None: ...


@dataclass(slots=True)
class _Partition:
    reading: tuple[datetime, Mapping[TopicPartition, int]] | None = None
    horizon: datetime | None = None
    since: datetime = field(default_factory=lambda: datetime.min.replace(tzinfo=UTC))


class Progress:
    """The reading progress of one group member."""

    def __init__(self) -> None:
        self._stored: dict[TopicPartition, int] = {}
        self._reached: dict[TopicPartition, int] = {}
        self._partitions: dict[int, _Partition] = {}

    def assigned(self, partition: TopicPartition, start: int) -> int:
        """Everything below ``start`` is stored; gives the offset to begin at, higher where this member stored more."""
        self._stored.setdefault(partition, max(start, self._reached.get(partition, 0)))
        self._partitions.setdefault(partition.partition, _Partition())
        return self._stored[partition]

    def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """These partitions are another member's now; their horizon is forgotten."""
        for partition in partitions:
            self._stored.pop(partition, None)
            self._partitions.pop(partition.partition, None)

    def stored(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Everything below these next offsets is in the store; it stays so whoever holds the partitions."""
        for partition, offset in offsets.items():
            self._reached[partition] = max(self._reached.get(partition, 0), offset)
            if partition in self._stored:
                self._stored[partition] = max(self._stored[partition], offset)

    def known(self, partition: TopicPartition) -> bool:
        return partition in self._stored

    def reached(self) -> dict[tuple[str, int], int]:
        """Below these offsets, by (topic, partition), everything is in the store, of the partitions that are held."""
        return {(one.topic, one.partition): offset for one, offset in self._stored.items()}

    def next_offset(self, partition: TopicPartition) -> int | None:
        """The first offset not yet stored."""
        return self._stored.get(partition)

    def observe(self, consumer: Consumer) -> None:
        """Take new readings of the high watermarks and move horizons; no call to the bus."""
        by_number: dict[int, list[TopicPartition]] = {}
        for partition in consumer.assignment():
            by_number.setdefault(partition.partition, []).append(partition)
        for number, partitions in by_number.items():
            state = self._partitions.get(number)
            if state is None or not all(partition in self._stored for partition in partitions):
                continue
            if state.reading is None:
                state.reading = _reading(consumer, partitions, since=state.since)
            if state.reading is not None:
                seen, marks = state.reading
                if all(self._stored[partition] >= mark for partition, mark in marks.items()):
                    state.horizon, state.since, state.reading = seen, seen, None

    def horizon(self, number: int) -> datetime | None:
        """Until when (aware UTC) everything that was on the bus is stored; None while catching up."""
        state = self._partitions.get(number)
        return state.horizon if state else None

    def current(self, number: int, now: datetime) -> bool:
        """Whether ``react`` may speak of this partition's cases: it has caught up and is not far behind again."""
        horizon = self.horizon(number)
        return horizon is not None and now - horizon <= CURRENT

    def live(self) -> list[int]:
        """The partition numbers that have caught up."""
        return sorted(number for number, state in self._partitions.items() if state.horizon is not None)

    def lag(self, consumer: Consumer) -> dict[int, int]:
        """Events not yet stored, by partition number, as far as the last fetches told."""
        behind: dict[int, int] = {}
        for partition in consumer.assignment():
            mark, stored = consumer.highwater(partition), self._stored.get(partition)
            if mark is not None and stored is not None:
                behind[partition.partition] = behind.get(partition.partition, 0) + max(0, mark - stored)
        return behind


def _reading(
    consumer: Consumer, partitions: Iterable[TopicPartition], *, since: datetime
) -> tuple[datetime, Mapping[TopicPartition, int]] | None:
    """The watermarks and the oldest instant at which one of them was seen; None until each was seen after ``since``."""
    marks: dict[TopicPartition, int] = {}
    oldest: datetime | None = None
    for partition in partitions:
        mark, polled = consumer.highwater(partition), consumer.last_poll_timestamp(partition)
        if mark is None or polled is None:
            return None
        seen = milliseconds(datetime.fromtimestamp(polled / 1000, UTC)) - FLIGHT
        if seen <= since:
            return None
        marks[partition] = mark
        oldest = seen if oldest is None else min(oldest, seen)
    return None if oldest is None else (oldest, marks)
