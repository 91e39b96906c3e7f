"""Records of the bus as they came: one that a library's parser refuses would be skipped without a trace."""

from __future__ import annotations

from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from faststream.kafka.message import KafkaMessage

from shared.runtime.messages import Arrival, reread
from shared.trust.signing import KeySet


def as_it_came(record: ConsumerRecord[bytes, bytes]) -> Arrival:
    """A record, not read yet."""
    return Arrival(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=bytes(record.key or b""),
        headers=tuple((name, bytes(value or b"")) for name, value in record.headers),
        body=bytes(record.value or b""),
    )


def arrival_of(record: ConsumerRecord[bytes, bytes], keys: KeySet) -> Arrival:
    """A record with what it says, or why it cannot be read (malformed, or unsigned where a signature is due)."""
    return reread(as_it_came(record), keys)


async def parse(raw: Any) -> KafkaMessage:
    """FastStream's message around the raw records."""
    return KafkaMessage(body=b"", headers={}, raw_message=raw, consumer=_NO_CONSUMER)


async def decode(message: KafkaMessage) -> Any:
    """The raw records themselves."""
    return message.raw_message


class _NoConsumer:
    async def commit(self) -> None:
        raise AssertionError("offsets are committed explicitly")

    def seek(self, partition: TopicPartition, offset: int) -> None:  # noqa: ARG002 - FastStream's protocol
        raise AssertionError("positions are set explicitly")


_NO_CONSUMER = _NoConsumer()
