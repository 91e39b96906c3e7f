"""The demonstration's story, played on a platform."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx

from deploy.cli.demo import play
from deploy.demo.story import Story
from deploy.embedded.supervisor import Platform


@contextlib.asynccontextmanager
async def playing(platform: Platform) -> AsyncIterator[Story]:
    """The story, played to its end; it waits for nothing that its last mails still have to do."""
    async with httpx.AsyncClient(base_url=platform.origin, timeout=60, trust_env=False) as http:
        story = Story(platform, http, lambda _line: None)
        await play(story)
        yield story
