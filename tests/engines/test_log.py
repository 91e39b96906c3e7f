"""The log on Kafka: whole from its first offset, enough for the audit, and for a service that lost its database."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.audit.sites import declaration
from deploy.demo.story import PASSPHRASE
from deploy.embedded.site import SERVICES
from shared.contracts.catalogue import topics
from shared.runtime.topics import differences, table
from tests.deploy.processes import until
from tests.deploy.toy_platform import recours
from tests.flows.test_restart import shown

pytestmark = [
    pytest.mark.platform,
    pytest.mark.timeout(300),
    pytest.mark.engines("real", reason="the flows audit the embedded ones, tests/shared/runtime loses stores on both"),
]
OF_NO_AGGREGATE = {"checkpoint"}


async def audited(platform, path) -> Any:
    result = await recours("audit", "--data", str(platform.data), "--exhibits", "--json", str(path))
    assert result.exit_code == 0, result.output
    return json.loads(path.read_text())


async def test_services_made_the_topics_as_they_are_declared(platform):
    assert await differences(platform.site.address("bus"), table(topics(), 4, 1)) == []


async def test_the_audit_reads_kafka_alone_from_its_first_offset_to_its_last(platform, everything, tmp_path):
    before = await kept(platform)
    report = await audited(platform, tmp_path / "audit.json")
    after = await kept(platform)
    assert report["result"] == "ok"
    assert 0 < before <= report["looked"]["records"] + report["looked"]["messages of partners"] <= after


async def kept(platform) -> int:
    """Records that Kafka holds, by its own word; none was ever deleted."""
    consumer = AIOKafkaConsumer(bootstrap_servers=platform.site.address("bus"))
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for topic in topics() for number in range(4)]
        assert set((await consumer.beginning_offsets(places)).values()) == {0}
        return sum((await consumer.end_offsets(places)).values())
    finally:
        await consumer.stop()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_database_that_is_lost_is_made_again_from_the_log_and_equals_what_it_was(
    platform, engines, story, everything, tmp_path, service
):
    seen = await seen_by(story)
    await everything.quiet()
    before = await asyncio.to_thread(remembered, everything, service)
    assert before["events"]
    assert before["states"]
    processes = engines.replicas_of(service)
    for process in processes:
        platform.pause(process)
    for name in await asyncio.to_thread(everything.collection(service, "x").database.list_collection_names):
        await asyncio.to_thread(everything.collection(service, name).drop)
    for process in processes:
        platform.kill(process)
    for process in processes:
        await platform.wait_restarted(process)

    async def told_again() -> bool:
        return await asyncio.to_thread(everything.collection(service, "inbox").count_documents, {}) >= len(
            before["inbox"]
        )

    await until(told_again, 120)
    await everything.quiet()
    after = await asyncio.to_thread(remembered, everything, service)
    for part in before:
        assert differing(before[part], after[part]) == {}, part
    assert await seen_by(story) == seen
    assert (await audited(platform, tmp_path / "audit.json"))["result"] == "ok"


def _read(service: str, document: Any) -> dict[str, Any]:
    """The fields of a state; a set is written in no order, so the text itself says less."""
    return dict(declaration(service).aggregate_of(document["_id"]).state.model_validate_json(document["state"]))


def differing(before: Any, after: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """What is otherwise after than before, by its path: (before, after)."""
    match before, after:
        case dict(), dict():
            found: dict[str, tuple[Any, Any]] = {}
            for name in before.keys() | after.keys():
                found |= differing(before.get(name), after.get(name), f"{path}/{name}")
            return found
        case _:
            return {} if before == after else {path: (before, after)}


async def seen_by(story) -> dict[str, Any]:
    """What the guardian is shown, who signs in with the code of the first day."""
    story.http.cookies.clear()
    await story.guardian.sign_in("/api/sessions", {"code": story.code, "passphrase": PASSPHRASE})
    return await shown(story)


def remembered(everything, service: str) -> dict[str, dict[str, Any]]:
    """What a service knows: its events as published, what it was told, and every state that follows from both."""
    events = everything.collection(service, "events").find({"topic": {"$nin": [*OF_NO_AGGREGATE]}})
    states = everything.collection(service, "states").find({"_id": {"$not": {"$regex": "/writer/"}}})
    return {
        "events": {one["_id"]: (one["aggregate"], one["sequence"], bytes(one["body"])) for one in events},
        "inbox": {one["_id"]: bytes(one["body"]) for one in everything.collection(service, "inbox").find()},
        "states": {
            one["_id"]: {"sequence": one["sequence"], "wake": one["wake"], "state": _read(service, one)}
            for one in states
        },
    }
