"""Topics as they are declared: made once, compared, changed on demand; on each bus."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared import ids
from shared.contracts.catalogue import topics
from shared.errors import Refused
from shared.runtime.topics import apply_topics, change_topics, differences, table
from tests.deploy.toy_platform import recours

pytestmark = pytest.mark.platform
PARTITIONS = 4


@pytest.fixture
def bus(bare):
    return bare.site.address("bus")


@pytest.fixture
async def topic(bus):
    """A topic that somebody made otherwise: its records would go after a week."""
    name = f"strange-{ids.new()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bus)
    await admin.start()
    try:
        configs = {"retention.ms": "604800000", "max.message.bytes": "2000000"}
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=configs)])
    finally:
        await admin.close()
    return name


async def test_topics_are_made_once_as_the_table_says(bus):
    names = [f"made-{ids.new()}" for _ in range(3)]
    assert await apply_topics(bus, names, PARTITIONS) == sorted(names)
    assert await apply_topics(bus, names, PARTITIONS) == []
    assert await differences(bus, table(names, PARTITIONS, 1)) == []


async def test_many_at_once_make_each_topic_once(bus):
    names = [f"raced-{ids.new()}" for _ in range(3)]
    made = await asyncio.gather(*(apply_topics(bus, names, PARTITIONS) for _ in range(5)))
    assert {name for one in made for name in one} == set(names)
    assert await differences(bus, table(names, PARTITIONS, 1)) == []


async def test_a_topic_of_another_number_of_partitions_is_refused_and_left_alone(bus, topic):
    with pytest.raises(Refused, match="All topics need 8 partitions"):
        await apply_topics(bus, [topic], 8)
    found = await differences(bus, table([topic], 8, 1))
    assert ("partitions", "4", "8", False) in [(one.what, one.there, one.wanted, one.alterable) for one in found]


async def test_copies_that_differ_are_said_and_never_changed(bus, topic):
    found = [one for one in await differences(bus, table([topic], PARTITIONS, 3)) if one.what == "replication"]
    assert [(one.there, one.wanted, one.alterable) for one in found] == [("1", "3", False)]


@pytest.mark.engines("embedded", reason="Kafka can")
async def test_a_bus_that_cannot_change_topics_is_said_to_be_so(bus, topic):
    with pytest.raises(Refused, match="cannot change topics"):
        await change_topics(bus, table([topic], PARTITIONS, 1))


@pytest.mark.engines("real", reason="Tansu cannot change topics")
async def test_a_setting_that_differs_is_said_and_changed_on_demand_and_others_stay(bus, topic):
    wanted = table([topic], PARTITIONS, 1)
    found = await differences(bus, wanted)
    assert ("retention.ms", "604800000", "-1") in [(one.what, one.there, one.wanted) for one in found]
    assert await change_topics(bus, wanted) == found
    assert await differences(bus, wanted) == []
    bigger = [replace(one, configs={"max.message.bytes": "2000000"}) for one in wanted]
    assert await differences(bus, bigger) == []
    assert await change_topics(bus, wanted) == []


async def test_the_command_makes_the_catalogue_s_topics_and_says_the_same_the_second_time(bare):
    first = await recours("topics", "apply", "--data", str(bare.data))
    assert first.exit_code == 0, first.output
    second = await recours("topics", "apply", "--data", str(bare.data))
    assert second.output == f"0 topics made, {len(topics())} were there.\n"
    assert await differences(bare.site.address("bus"), table(topics(), PARTITIONS, 1)) == []
