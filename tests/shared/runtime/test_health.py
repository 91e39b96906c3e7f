"""What a process says of itself, and the door that stays shut until it may write."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.runtime import health as healths
from shared.runtime.health import Health
from shared.runtime.metrics import Metrics


class Answers:
    there = True

    async def ping(self):
        return self.there


async def _page(_request):
    return PlainTextResponse("a page")


@pytest.fixture
def whole():
    health = Health(Answers(), Metrics(), asyncio.Event())
    app = health.door(Starlette(routes=[*health.routes(), Route("/page", _page)]))
    return health, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_until_it_is_open_only_health_is_told(whole):
    health, http = whole
    shut = await http.get("/page")
    assert (shut.status_code, shut.headers["retry-after"], shut.json()["code"]) == (503, "2", "unavailable")
    assert (await http.get("/readyz")).status_code == 503
    assert (await http.get("/healthz")).status_code == 200
    assert "recours_bus_up" in (await http.get("/metrics")).text
    health.opened.set()
    assert (await http.get("/page")).text == "a page"
    assert (await http.get("/readyz")).status_code == 200


async def test_it_is_not_ready_without_its_store_or_when_it_leaves(whole):
    health, http = whole
    health.opened.set()
    health._store.there = False
    assert (await http.get("/readyz")).json() == {"store": False, "open": True}
    health._store.there = True
    health._stopping.set()
    assert (await http.get("/readyz")).status_code == 503


async def test_a_loop_that_stopped_turning_is_named(whole, monkeypatch):
    health, http = whole
    health.turned("wakes")
    assert (await http.get("/healthz")).json() == {"stalled": []}
    monkeypatch.setattr(healths, "STALLED", -1.0)
    stalled = await http.get("/healthz")
    assert (stalled.status_code, stalled.json()) == (503, {"stalled": ["wakes"]})
