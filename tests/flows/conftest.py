"""One platform with all five services for every flow, and the demonstration's story played on it once."""

from __future__ import annotations

import httpx
import pytest

from deploy.demo import folder as demonstration
from deploy.embedded.supervisor import Platform
from tests.flows.everything import Everything
from tests.flows.playing import playing
from tests.flows.stage import set_stage


@pytest.fixture(scope="session")
async def platform(tmp_path_factory, engines):
    async with Platform(tmp_path_factory.mktemp("flows") / "platform", engines=engines) as platform:
        yield platform


@pytest.fixture(scope="session")
async def everything(platform):
    with Everything(platform) as everything:
        yield everything


@pytest.fixture(scope="session")
async def story(platform):
    async with playing(platform) as story:
        yield story


@pytest.fixture(scope="session")
def played(story):
    return story.played


@pytest.fixture(scope="session")
async def folder(platform, played, everything, tmp_path_factory):
    """What the demonstration leaves, once everything is quiet."""
    await everything.quiet()
    directory = tmp_path_factory.mktemp("demo")
    await demonstration.write(directory, platform, played)
    return directory


@pytest.fixture(scope="session")
async def stage(platform, story, everything):
    """Further cases and who acts in them, each at a point where something can go wrong."""
    async with httpx.AsyncClient(base_url=platform.origin, timeout=60, trust_env=False) as http:
        stage = await set_stage(platform, story, http)
        await everything.quiet()
        yield stage
