"""A platform whose engines are asked directly, with no service; and one on which the whole story was played."""

from __future__ import annotations

import httpx
import pytest

from deploy.cli.demo import play
from deploy.demo.story import Story
from deploy.embedded.supervisor import Platform
from tests.flows.everything import Everything


@pytest.fixture(scope="session")
async def bare(tmp_path_factory, engines):
    async with Platform(tmp_path_factory.mktemp("bare") / "up", services=(), engines=engines) as platform:
        yield platform


@pytest.fixture(scope="session")
async def platform(tmp_path_factory, engines):
    async with Platform(tmp_path_factory.mktemp("engines") / "up", engines=engines) as platform:
        yield platform


@pytest.fixture(scope="session")
async def story(platform):
    async with httpx.AsyncClient(base_url=platform.origin, timeout=60, trust_env=False) as http:
        story = Story(platform, http, lambda _line: None)
        await play(story)
        yield story


@pytest.fixture(scope="session")
async def everything(platform, story):
    with Everything(platform) as everything:
        await everything.quiet()
        yield everything
