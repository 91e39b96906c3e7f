"""While the bus is away a deadline may page a human, and nothing else happens."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from shared import clock
from shared.contracts.legal import DeadlineThreatened
from shared.contracts.notify import NotificationSent
from shared.runtime import paging as pagings
from shared.runtime.declaration import Aggregate, Impossible, Job, Service, State
from shared.runtime.folding import blank
from shared.runtime.metrics import Metrics
from shared.runtime.paging import Paging
from shared.settings import Settings

CASE = "11111111-1111-4111-8111-111111111111"
DAY = date(2026, 12, 1)


def react(_state, _now):
    yield Job(kind="remind", subject="one")
    yield DeadlineThreatened(deadline="d-1", kind="press-limit", last_day=DAY)
    yield NotificationSent(notification="n", template="t", channel="email", sent_at=clock.now())


class Once(State):
    said: bool = False


def legal(react=react):
    def once(state, now):
        return () if state.said else react(state, now)

    whole = Aggregate("case", Once, lambda *_: (), lambda state, _fact: Once(said=True), once)
    return Service("legal", (whole,), (DeadlineThreatened,), ())


class Stored:
    """Reading is all that is asked of the store."""

    def __init__(self, service):
        self.service = service
        self.asked = []

    async def scan(self, collection, query):
        self.asked.append((collection, query["held"]))
        yield {"_id": f"legal/case/{CASE}"}

    async def load(self, wanted):
        return {one: blank(declared, one, CASE) for one, (declared, _) in wanted.items()}


@pytest.fixture
def paging(monkeypatch):
    def made(*, bus_there, waited=timedelta(0), refuses=False, service=None):
        paged = []

        async def reachable(_bus):
            return made.bus_there

        async def page_operators(_settings, **said):
            if refuses:
                raise Impossible("no-operator")
            paged.append(said)

        made.bus_there = bus_there
        monkeypatch.setattr(pagings, "reachable", reachable)
        monkeypatch.setattr(pagings, "page_operators", page_operators)
        service = service or legal()
        running = SimpleNamespace(
            service=service, store=Stored(service), settings=Settings(origin="https://r.example"), metrics=Metrics()
        )
        return Paging(running, "127.0.0.1:1", patience=waited), paged, running

    return made


async def test_a_deadline_pages_once_while_the_bus_stays_away(paging):
    one, paged, running = paging(bus_there=False)
    await one.turn()
    await one.turn()
    [said] = paged
    assert (said["reason"], said["case"], said["last_day"]) == ("bus-down", CASE, DAY)
    assert running.store.asked[0] == ("states", 0)
    assert running.metrics.bus_up._value.get() == 0


async def test_it_pages_again_in_another_outage(paging):
    one, paged, running = paging(bus_there=False)
    await one.turn()
    paging.bus_there = True
    await one.turn()
    assert running.metrics.bus_up._value.get() == 1
    paging.bus_there = False
    await one.turn()
    assert len({said["key"] for said in paged}) == 1
    assert len(paged) == 2


async def test_nobody_is_paged_within_a_quarter_of_an_hour_nor_while_the_bus_is_there(paging):
    assert timedelta(minutes=15) == pagings.PATIENCE
    for there, waited in ((True, timedelta(0)), (False, timedelta(minutes=15))):
        one, paged, running = paging(bus_there=there, waited=waited)
        await one.turn()
        assert (paged, running.store.asked) == ([], [])


async def test_an_aggregate_that_cannot_speak_holds_none_of_the_others(paging):
    def fails(_state, _now):
        raise ValueError("cannot read this: Camille Perrin")

    one, paged, _ = paging(bus_there=False, service=legal(fails))
    await one.turn()
    assert paged == []


async def test_a_page_that_nobody_can_get_is_not_tried_for_ever(paging):
    one, paged, _ = paging(bus_there=False, refuses=True)
    await one.turn()
    await one.turn()
    assert paged == []
    assert len(one._said) == 1
