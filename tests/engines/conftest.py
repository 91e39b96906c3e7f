"""A platform whose engines are asked directly, with no service; and one on which the whole story was played."""

from __future__ import annotations

import pytest

from deploy.embedded.supervisor import Platform
from tests.flows.everything import Everything
from tests.flows.playing import playing


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
    async with playing(platform) as story:
        yield story


@pytest.fixture(scope="session")
async def everything(platform, story):
    with Everything(platform) as everything:
        await everything.quiet()
        yield everything
