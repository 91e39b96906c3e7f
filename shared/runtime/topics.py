"""Topics of the bus: one declared table, made where it is absent, compared where it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError

from shared.errors import Refused, Unavailable

_ALREADY_EXISTS = 36
_SET_ON_THE_TOPIC = 1
"""A setting's source in answers of DescribeConfigs since version 1; version 0 says whether it is a default."""
SETTLED_WITHIN: Final = 15.0
"""Seconds within which every broker has heard of the partitions of a topic that was just made."""
CONFIGS: Final = MappingProxyType({"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"})
"""Of every topic: the log is kept for ever, for the audit and for services that are made again from it."""


@dataclass(frozen=True)
class Topic:
    """A topic as it has to be."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """What is otherwise on the bus than in the table. ``alterable``: ``change_topics`` can make it so."""

    topic: str
    what: str
    there: str
    wanted: str
    alterable: bool


@dataclass(frozen=True)
class _Found:
    """A topic as the bus has it. ``own``: the settings that were set on it, all of which a change must say again."""

    partitions: int
    replication: int
    configs: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)


def table(names: Iterable[str], partitions: int, replication: int) -> tuple[Topic, ...]:
    """The topics of these names as they have to be, sorted by name.

    A write is acknowledged once all copies but one have it: so one broker may be away, and none of them alone decides.
    """
    configs = MappingProxyType({**CONFIGS, "min.insync.replicas": str(max(1, replication - 1))})
    return tuple(Topic(name, partitions, replication, configs) for name in sorted(set(names)))


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
    wanted = {one.name: one for one in table(names, partitions, replication)}
    async with _admin(bus) as admin:
        made = sorted(wanted.keys() - set(await admin.list_topics()))
        if made:
            answer = await admin.create_topics([_new(wanted[name]) for name in made])
            # One that another process made meanwhile is as good as ours.
            failed = sorted(entry[0] for entry in answer.topic_errors if entry[1] not in (0, _ALREADY_EXISTS))
            if failed:
                raise Unavailable(f"The bus did not make {', '.join(failed)}: check its quota and rights.")
        found = await _described(admin, sorted(wanted))
    other = {name: one.partitions for name, one in found.items() if one.partitions != partitions}
    if other:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(other.items()))
        message = f"All topics need {partitions} partitions, but there are {listed}: set RECOURS_PARTITIONS to theirs."
        raise Refused("other-partitions", message)
    return made


async def differences(bus: str, topics: Iterable[Topic]) -> list[Difference]:
    """In what the topics that are there differ from ``topics``; absent ones are none. Raises Unavailable."""
    async with _admin(bus) as admin:
        found = await _configured(admin, {one.name for one in topics})
    return [one for topic in topics if topic.name in found for one in _compared(topic, found[topic.name])]


async def change_topics(bus: str, topics: Iterable[Topic]) -> list[Difference]:
    """Changes the settings of topics that differ and may be altered; gives what was changed.

    Other settings that were made on a topic stay as they are. Never touches partitions or copies.

    Raises:
        Refused: this bus cannot change what a topic was made with.
        Unavailable: the bus does not answer, or refuses a change.
    """
    wanted = {one.name: one for one in topics}
    async with _admin(bus) as admin:
        found = await _configured(admin, wanted.keys())
        changes = [one for name in sorted(found) for one in _compared(wanted[name], found[name]) if one.alterable]
        altered = sorted({one.topic for one in changes})
        # The request replaces everything that is set on a topic.
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name, {**found[name].own, **wanted[name].configs})
            for name in altered
        ]
        for answer in await admin.alter_configs(resources) if resources else []:
            failed = sorted(entry[3] for entry in answer.resources if entry[0] != 0)
            if failed:
                raise Unavailable(f"The bus did not change {', '.join(failed)}: check the operator's rights on it.")
    return changes


async def reachable(bus: str) -> bool:
    """Whether the bus answers now."""
    try:
        async with _admin(bus, timeout_ms=5_000):
            return True
    except Unavailable:
        return False


@asynccontextmanager
async def _admin(bus: str, timeout_ms: int = 15_000) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus, request_timeout_ms=timeout_ms)
    try:
        await admin.start()
        yield admin
    except IncompatibleBrokerVersion as error:
        raise Refused(
            "bus-cannot", "This bus cannot change topics: make it anew, and publish the log to it."
        ) from error
    except (KafkaError, OSError) as error:
        raise Unavailable("The bus does not answer: check RECOURS_BUS and that it runs.") from error
    finally:
        await admin.close()


def _new(topic: Topic) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.configs))


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, _Found]:
    """What the bus says of topics that are there. Raises Unavailable where one stays without partitions."""
    described: list[Any] = []
    bare = names
    try:
        async with asyncio.timeout(SETTLED_WITHIN):
            while bare:
                described = await admin.describe_topics(names)
                # A broker may know of a new topic, and not yet of its partitions (seen on Kafka).
                bare = [one["topic"] for one in described if not one["partitions"]]
                if bare:
                    await asyncio.sleep(0.1)
    except TimeoutError:
        listed = ", ".join(sorted(bare))
        raise Unavailable(f"The bus gave no partitions to {listed}: check that all of its brokers run.") from None
    return {
        topic["topic"]: _Found(
            partitions=len(topic["partitions"]),
            replication=min((len(one["replicas"]) for one in topic["partitions"]), default=0),
        )
        for topic in described
    }


async def _configured(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, _Found]:
    there = sorted(set(names) & set(await admin.list_topics()))
    found = await _described(admin, there)
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
    for answer in await admin.describe_configs(resources) if resources else []:
        for entry in answer.resources:
            settings, version = entry[4], answer.API_VERSION
            name, one = entry[3], found[entry[3]]
            found[name] = _Found(
                one.partitions,
                one.replication,
                {setting[0]: setting[1] for setting in settings},
                {setting[0]: setting[1] for setting in settings if _is_own(setting, version)},
            )
    return found


def _is_own(setting: tuple[Any, ...], version: int) -> bool:
    return bool(setting[3] == _SET_ON_THE_TOPIC if version else not setting[3])


def _compared(topic: Topic, found: _Found) -> Iterable[Difference]:
    for what, there, wanted in (
        ("partitions", found.partitions, topic.partitions),
        ("replication", found.replication, topic.replication),
    ):
        if there != wanted:
            yield Difference(topic.name, what, str(there), str(wanted), alterable=False)
    for name, value in topic.configs.items():
        if found.configs.get(name, "") != value:
            yield Difference(topic.name, name, found.configs.get(name, ""), value, alterable=True)
