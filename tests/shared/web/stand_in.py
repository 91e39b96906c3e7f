"""A running service without store, bus or keyring process: what the web asks of it, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from fastapi import APIRouter

from shared import clock
from shared.casefile import CASE_EVENTS, CaseFile
from shared.contracts.intake import AccessGranted, CaseOpened, Facets
from shared.runtime.declaration import Aggregate, Service, State
from shared.settings import Settings
from shared.trust.sealing import new_identity, open_sealed
from shared.trust.sessions import issue_session
from shared.trust.signing import KeySet, generate
from shared.web.application import application
from tests.given import CASE, followed

INTAKE_KEY = generate("intake", clock.now() - timedelta(hours=1))
IDENTITY = new_identity()


class Seen(State):
    file: CaseFile = CaseFile()


def evolve(state, fact):
    return state.model_copy(update={"file": state.file.fold(fact)})


def service(name, routes):
    return Service(
        name=name,
        aggregates=(Aggregate("case", Seen, lambda *_: (), evolve),),
        publishes=(),
        follows=CASE_EVENTS,
        routes=routes,
    )


@dataclass
class Running:
    """The least that the web needs; ``kept`` are the stored answers."""

    service: Service
    settings: Settings = field(default_factory=Settings)
    keys: KeySet = field(default_factory=lambda: KeySet([INTAKE_KEY.public()]))
    states: dict[Any, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def keyring(self):
        return self

    @property
    def answers(self):
        return self

    async def secret(self, service, name):
        return f"secret of {service} named {name}"

    async def find(self, scope, key):
        return self.kept.get(f"{scope}/{key}")

    async def load(self, aggregate, key):
        return self.states.get((aggregate, key), Seen())

    async def reveal(self, case, purpose, sealed):
        return open_sealed(sealed, IDENTITY.secret)


def case_file(*events):
    file = CaseFile()
    for sequence, event in enumerate((opened(), *events), start=1):
        file = file.fold(followed(event, sequence=sequence))
    return file


def opened():
    return CaseOpened(
        facets=Facets(persona="victim"),
        locator="0" * 64,
        recipients=dict.fromkeys(("contact", "account", "evidence", "authors"), IDENTITY.recipient),
    )


def granted(role="victim", holder="holder-1", status="accepted", access="access-1"):
    return AccessGranted(access=access, role=role, holder=holder, status=status)


def token(*, sub="holder-1", role="victim", case=CASE, sequence=2, ago=timedelta(0)):
    return issue_session(INTAKE_KEY, sub=sub, role=role, case_id=case, sequence=sequence, now=clock.now() - ago)


class Bearer(Mapping):
    """The header of a session, issued anew each time it is read: sessions end after five minutes, test runs later."""

    def __init__(self, issue):
        self.issue = issue

    def __getitem__(self, name):
        return {"Authorization": f"Bearer {self.issue()}"}[name]

    def __iter__(self):
        return iter(("Authorization",))

    def __len__(self):
        return 1

    def __or__(self, other):
        return {**self, **other}

    __ror__ = __or__


def bearer(**claims):
    return Bearer(partial(token, **claims))


def routed(add):
    """A declaration's ``routes`` that lets ``add(router, running)`` add to an empty router."""

    def routes(running):
        router = APIRouter()
        add(router, running)
        return router

    return routes


def client(running, **options):
    """An HTTP client that talks to the application in this process."""
    transport = httpx.ASGITransport(application(running, **options), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
