"""A real Chromium before a real platform, with axe-core. ``tests/browser/install.py`` gets what is missing.

``RECOURS_CHROMIUM`` may name another browser, ``RECOURS_AXE`` another ``axe.min.js``. What is not there fails the tests
by name: they are asked for by their marker, so that nothing is skipped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from deploy.embedded.supervisor import Platform
from shared.trust.keyring import Keyring
from tests.browser import install
from tests.deploy.processes import until

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
PASSPHRASE = "quatre mots bien choisis"
TEAM = {"case-worker": "claire", "lawyer": "maitre-x", "accountant": "compta"}
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
async def platform(tmp_path_factory):
    async with Platform(tmp_path_factory.mktemp("browser") / "platform") as platform:
        async with httpx.AsyncClient(base_url=platform.origin, trust_env=False) as http:
            for path in (
                "/",
                *(f"/{service}/api/openapi.json" for service in ("evidence", "legal", "billing", "notify")),
            ):
                await until(partial(_answers, http, path), 60)
        yield platform


@pytest.fixture(scope="session")
def origin(platform):
    return platform.origin


@pytest.fixture(scope="session")
async def team(platform):
    """The team's members by role, each with ``PASSPHRASE``."""
    settings = platform.settings_for("operator")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        for role, name in TEAM.items():
            await keyring.enrol_staff(name, role, PASSPHRASE)
    return TEAM


@pytest.fixture(scope="session")
def axe():
    place = install.axe()
    assert place is not None, "axe-core is missing: run make test-browser, which gets it."
    return place.read_text("utf-8")


@pytest.fixture(scope="session")
async def chromium():
    # Here alone: whoever runs no test in a browser does not wait for it.
    from playwright.async_api import async_playwright

    place = install.chromium()
    assert place is not None, "Chromium is missing: run make test-browser as root, or set RECOURS_CHROMIUM."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(place), args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def phone(chromium, origin, axe):
    async with await _context(chromium, scripts=True) as context:
        yield Phone(await context.new_page(), origin, axe)


@pytest.fixture
async def desk(chromium, origin, axe):
    """A second browser, for the team."""
    async with await _context(chromium, scripts=True) as context:
        yield Phone(await context.new_page(), origin, axe)


@pytest.fixture
async def phone_without_scripts(chromium, origin, axe):
    async with await _context(chromium, scripts=False) as context:
        yield Phone(await context.new_page(), origin, axe)


async def _answers(http, path):
    # One that is still starting says so.
    return (await http.get(path)).status_code != 503


async def _context(chromium, *, scripts):
    # The policy of our pages would keep axe out, and without scripts there is nothing to run it with.
    return await chromium.new_context(bypass_csp=scripts, viewport=PHONE, locale="fr-FR", java_script_enabled=scripts)
