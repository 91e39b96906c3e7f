"""Topics of the bus, made when they are absent."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.errors import Refused, Unavailable

_ALREADY_EXISTS = 36
CONFIGS: Final = MappingProxyType({"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"})
"""Of every topic: the log is kept for ever, for the audit and for services that are made again from it."""


async def apply_topics(bus: str, names: Iterable[str], partitions: int, replication: int = 1) -> list[str]:
    """Makes the topics that are not there and returns their names, sorted; may be repeated at any time.

    Args:
        bus: brokers, host:port, comma separated.
        names: topics to be there.
        partitions: of each topic.
        replication: copies of each topic.

    Raises:
        Refused: a topic is there with another number of partitions: a case's events would lose their order.
        Unavailable: the bus does not answer, or does not make the topics.
    """
    wanted = set(names)
    admin = AIOKafkaAdminClient(bootstrap_servers=bus, request_timeout_ms=15_000)
    try:
        await admin.start()
        there = wanted & set(await admin.list_topics())
        made = sorted(wanted - there)
        new = [NewTopic(name, partitions, replication, topic_configs=dict(CONFIGS)) for name in made]
        if new:
            answer = await admin.create_topics(new)
            # One that another process made meanwhile is as good as ours.
            failed = sorted(entry[0] for entry in answer.topic_errors if entry[1] not in (0, _ALREADY_EXISTS))
            if failed:
                raise Unavailable(f"The bus did not make {', '.join(failed)}: check its quota and rights.")
        described = await admin.describe_topics(sorted(there)) if there else []
    except (KafkaError, OSError) as error:
        raise Unavailable("The bus does not answer: check RECOURS_BUS and that it runs.") from error
    finally:
        await admin.close()
    other = {topic["topic"]: len(topic["partitions"]) for topic in described if len(topic["partitions"]) != partitions}
    if other:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(other.items()))
        message = f"All topics need {partitions} partitions, but there are {listed}: set RECOURS_PARTITIONS to theirs."
        raise Refused("other-partitions", message)
    return made


async def reachable(bus: str) -> bool:
    """Whether the bus answers now."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bus, request_timeout_ms=5_000)
    try:
        await admin.start()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return True
