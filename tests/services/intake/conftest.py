from __future__ import annotations

import httpx
import pytest
from argon2 import PasswordHasher

from services.intake import account, sessions
from shared.trust import staff
from shared.web.application import application
from tests.services.intake.standing import Standing


@pytest.fixture
def quick_secrets(monkeypatch):
    """The same hashing at its least cost, and refusals at once."""
    monkeypatch.setattr(sessions, "REFUSAL_SECONDS", 0.001)
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(account, "_hasher", cheap)
    monkeypatch.setattr(staff, "_hasher", cheap)


@pytest.fixture
async def standing(quick_secrets):
    return Standing()


@pytest.fixture
async def browser(standing):
    """Makes browsers that keep their own cookies."""
    made = []

    def new(**options):
        transport = httpx.ASGITransport(app=application(standing))
        made.append(httpx.AsyncClient(transport=transport, base_url="http://intake.test", **options))
        return made[-1]

    yield new
    for one in made:
        await one.aclose()
