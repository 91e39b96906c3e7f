"""The log as records: read from the bus, or from ``log.jsonl``, the archive's format.

One record a line, exactly as it was on the bus, in UTF-8 JSON: ``{"topic", "partition", "offset", "key", "headers":
[[name, base64 of the value], ...], "body": base64}``. The key is the text of an ASCII id; a key that is not ASCII is
written as ``{"base64": ...}``, so that every record can be kept.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
from aiokafka import AIOKafkaClient, AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import BrokenContract, Unavailable
from shared.runtime.messages import Arrival
from shared.runtime.raw_records import as_it_came

SILENCE = 30.0
"""Seconds without a record or a new watermark after which the bus counts as not answering."""
HOLE, EMPTY = 5.0, 3
"""Seconds, and answers, in which a bus gives nothing below its watermark until that is taken for the log's end."""
BATCH = 500
_CLIENT = {"request_timeout_ms": 20_000, "client_id": "recours-archive"}
_QUIET = {"enable_auto_commit": False, **_CLIENT}


def line_of(record: Arrival) -> bytes:
    """The record's line, with its newline."""
    key: Any = record.key.decode() if record.key.isascii() else {"base64": _text(record.key)}
    return orjson.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": key,
            "headers": [[name, _text(value)] for name, value in record.headers],
            "body": _text(record.body),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def record_of(line: bytes) -> Arrival:
    """The record that a line holds. Raises BrokenContract on anything else; the message quotes nothing of it."""
    try:
        said = json.loads(line)
        key = said["key"]
        return Arrival(
            topic=str(said["topic"]),
            partition=int(said["partition"]),
            offset=int(said["offset"]),
            key=_bytes(key["base64"]) if isinstance(key, dict) else str(key).encode(),
            headers=tuple((str(name), _bytes(value)) for name, value in said["headers"]),
            body=_bytes(said["body"]),
        )
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise BrokenContract("This line is no record of log.jsonl.") from None


def read_file(path: Path) -> Iterator[Arrival]:
    """The records of a file, one at a time. Raises BrokenContract naming the line; Unavailable: it cannot be read."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield record_of(line)
                except BrokenContract as error:
                    raise BrokenContract(f"{path.name}, line {number}: {error} Export the log again.") from None
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be read ({type(error).__name__}): check its name and rights.") from error


async def write_file(path: Path, records: AsyncIterable[Arrival]) -> int:
    """Write the records to a private file, which appears under its name only once it is whole; gives how many."""
    fresh = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with fresh.open("wb") as file:
            fresh.chmod(0o600)
            async for record in records:
                file.write(line_of(record))
                count += 1
        fresh.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written ({type(error).__name__}): choose another place.") from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


class BusReading:
    """The records of these topics up to the high watermarks seen at the start of the reading, to be iterated once.

    The watermark comes with each fetch: some brokers answer wrongly when asked for a partition's end. Topics that are
    not there are skipped. ``ends`` holds, after the iteration, the next offset of each (topic, partition). A broker
    that was killed may have raised a watermark for records that it never wrote, nor acknowledged (ADR 4): where it
    answers for ``HOLE`` seconds and nothing comes, there is nothing.

    Args:
        since: the offsets to read from, by (topic, partition); the first one where it is absent or beyond the end, as
            of a bus that lost its log.

    Raises:
        Unavailable: while iterating, where the bus does not answer, or stops answering.
    """

    def __init__(
        self, bus: str, topics: Iterable[str], *, since: Mapping[tuple[str, int], int] = MappingProxyType({})
    ) -> None:
        self._bus = bus
        self._topics = topics
        self._since = since
        self.ends: dict[tuple[str, int], int] = {}

    async def __aiter__(self) -> AsyncIterator[Arrival]:
        try:
            async with _consumer(self._bus, auto_offset_reset="earliest") as consumer:
                partitions = await _partitions(self._bus, self._topics)
                if not partitions:
                    return
                consumer.assign(partitions)
                first = await consumer.beginning_offsets(partitions)
                for partition, offset in first.items():
                    consumer.seek(partition, max(offset, self._since.get((partition.topic, partition.partition), 0)))
                async for record in self._until_watermarks(consumer, first):
                    yield record
        except (KafkaError, OSError) as error:
            raise Unavailable("The bus does not answer: check RECOURS_BUS and that it runs.") from error

    async def _until_watermarks(
        self, consumer: AIOKafkaConsumer, first: Mapping[TopicPartition, int]
    ) -> AsyncIterator[Arrival]:
        open_ones = set(first)
        ends: dict[TopicPartition, int] = {}
        polled: dict[TopicPartition, int | None] = {}
        empty: Counter[TopicPartition] = Counter()
        heard = asyncio.get_running_loop().time()
        while open_ones:
            batch = await consumer.getmany(timeout_ms=200, max_records=BATCH)
            marks = {one: consumer.highwater(one) for one in open_ones - ends.keys()}
            fresh = {one: mark for one, mark in marks.items() if mark is not None}
            ends |= fresh
            self.ends |= {(one.topic, one.partition): mark for one, mark in fresh.items()}
            for one, mark in fresh.items():
                if await consumer.position(one) > mark:
                    consumer.seek(one, first[one])
            for partition, records in batch.items():
                for record in records:
                    if record.offset < ends.get(partition, 0):
                        yield as_it_came(record)
            polls = {one: consumer.last_poll_timestamp(one) for one in open_ones & ends.keys()}
            if batch:  # whoever takes the records may take their time: only then silence begins
                heard = asyncio.get_running_loop().time()
                empty.clear()
            else:
                empty.update(one for one, when in polls.items() if when != polled.get(one))
            polled = polls
            silent = asyncio.get_running_loop().time() - heard
            done = {one for one in polls if await consumer.position(one) >= ends[one]}
            if silent > HOLE:
                done |= {one for one in polls if empty[one] >= EMPTY}
            if done:
                consumer.pause(*done)
                open_ones -= done
                heard = asyncio.get_running_loop().time()
            elif silent > SILENCE:
                raise Unavailable("The bus has stopped answering in the middle of the log: try again.")


async def committed(bus: str, group: str, topics: Iterable[str]) -> Mapping[tuple[str, int], int]:
    """The next offset that a consumer group has still to read, per topic and partition; absent where it read nothing.

    Raises:
        Unavailable: the bus does not answer.
    """
    try:
        async with _consumer(bus, group_id=group) as consumer:
            partitions = await _partitions(bus, topics)
            if not partitions:
                return {}
            consumer.assign(partitions)
            offsets = await asyncio.gather(*(consumer.committed(one) for one in partitions))
    except (KafkaError, OSError) as error:
        raise Unavailable("The bus does not answer: check RECOURS_BUS and that it runs.") from error
    found = zip(partitions, offsets, strict=True)
    return {(one.topic, one.partition): offset for one, offset in found if offset is not None}


@contextlib.asynccontextmanager
async def _consumer(bus: str, **settings: Any) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bus, **_QUIET, **settings)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _partitions(bus: str, topics: Iterable[str]) -> list[TopicPartition]:
    # A consumer tells the names as they are now, and the partitions as they were when it last looked.
    client = AIOKafkaClient(bootstrap_servers=bus, **_CLIENT)
    try:
        await client.bootstrap()
        known = await client.fetch_all_metadata()
    finally:
        await client.close()
    wanted = sorted(set(topics) & set(known.topics()))
    return [TopicPartition(topic, number) for topic in wanted for number in sorted(known.partitions_for_topic(topic))]


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
