"""A real Chromium before a real platform: Debian's ``chromium``, ``playwright`` from PyPI, axe-core's one file.

``RECOURS_CHROMIUM`` (default ``/usr/bin/chromium``) is the browser, ``RECOURS_AXE`` the file ``axe.min.js``. What is
not there fails the tests by name: they are asked for by their marker, so that nothing is skipped in silence.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.supervisor import Platform

CHROMIUM = os.environ.get("RECOURS_CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 390, "height": 844}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_BROKEN = """async tags => (await axe.run(document, {runOnly: {type: "tag", values: tags}})).violations
    .map(one => `${one.id}: ${one.nodes.map(node => node.target).join(" ")}`)"""
_TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass(frozen=True)
class Phone:
    """A phone of its own, without any cookie, that speaks French."""

    page: Any
    origin: str
    axe: str

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.origin}{path}")

    async def is_accessible(self) -> None:
        """No rule of WCAG 2.2 AA that a program can check is broken, and nothing is wider than the screen."""
        await self.page.evaluate(self.axe)
        assert await self.page.evaluate(_BROKEN, RULES) == [], self.page.url
        assert not await self.page.evaluate(_TOO_WIDE), self.page.url


@pytest.fixture(scope="session")
async def origin(tmp_path_factory):
    async with Platform(tmp_path_factory.mktemp("browser") / "platform") as platform:
        yield platform.origin


@pytest.fixture(scope="session")
def axe():
    place = os.environ.get("RECOURS_AXE", "")
    assert Path(place).is_file(), "Set RECOURS_AXE to axe-core's axe.min.js."
    return Path(place).read_text("utf-8")


@pytest.fixture(scope="session")
async def chromium():
    # Not in the lock: these tests alone need it.
    from playwright.async_api import async_playwright

    assert Path(CHROMIUM).is_file(), "Install Debian's chromium, or set RECOURS_CHROMIUM."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def phone(chromium, origin, axe):
    async with await _context(chromium, scripts=True) as context:
        yield Phone(await context.new_page(), origin, axe)


@pytest.fixture
async def phone_without_scripts(chromium, origin, axe):
    async with await _context(chromium, scripts=False) as context:
        yield Phone(await context.new_page(), origin, axe)


async def _context(chromium, *, scripts):
    # The policy of our pages would keep axe out, and without scripts there is nothing to run it with.
    return await chromium.new_context(bypass_csp=scripts, viewport=PHONE, locale="fr-FR", java_script_enabled=scripts)
