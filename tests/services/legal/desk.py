"""Legal in this process: its aggregates folded in memory, keys and objects in dictionaries, time stopped at NOON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from services.legal.domain.folder import route
from services.legal.service import service
from shared.errors import NotFound
from shared.objects import checked
from shared.runtime.declaration import Attempt
from shared.runtime.folding import absorb, blank
from shared.settings import Settings
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import Purpose, new_identity, open_sealed, seal
from shared.trust.sessions import issue_session
from shared.trust.signing import KeySet, generate
from shared.web.application import application
from tests.given import CASE, NOON, Given, followed
from tests.services.legal import affairs

KEY = generate("intake", NOON - timedelta(hours=1))
IDENTITIES = {purpose.value: new_identity() for purpose in Purpose}
RECIPIENTS = {purpose: identity.recipient for purpose, identity in IDENTITIES.items()}


def closed(value, purpose="evidence"):
    """``value`` really sealed to the case."""
    return seal(value, RECIPIENTS[purpose])


class Objects:
    def __init__(self):
        self.held: dict[str, bytes] = {}

    async def put(self, name, chunks, *, length=None):
        self.held[checked(name)] = b"".join([chunk async for chunk in chunks])

    async def get(self, name):
        if name not in self.held:
            raise NotFound
        yield self.held[name]

    async def stat(self, name):
        if name not in self.held:
            raise NotFound

    async def delete(self, name):
        self.held.pop(name, None)

    async def names(self, prefix):
        return sorted(name for name in self.held if name.startswith(checked(prefix)))


class Store:
    def __init__(self):
        self.jobs: dict[str, Any] = {}

    async def find(self, collection, name):
        assert collection == "jobs"
        return self.jobs.get(name)


class Outside:
    def __init__(self):
        self.waiting: dict[str, Any] = {}
        self.confirmed: list[str] = []

    async def unconfirmed(self, case):
        return list(self.waiting.items())

    async def confirm(self, name, case):
        if name not in self.waiting:
            raise NotFound
        self.confirmed.append(name)


@dataclass
class Desk:
    """What workers and routes are given. ``destroyed``: the case's keys are gone."""

    found: Given
    folders: dict[str, Any] = field(default_factory=dict)
    objects: Objects = field(default_factory=Objects)
    store: Store = field(default_factory=Store)
    outside: Outside = field(default_factory=Outside)
    settings: Settings = field(default_factory=Settings)
    keys: KeySet = field(default_factory=lambda: KeySet([KEY.public()]))
    kept: dict[str, Any] = field(default_factory=dict)
    destroyed: bool = False

    service = service

    @property
    def keyring(self):
        return self

    @property
    def answers(self):
        return self

    async def secret(self, _service, name):
        return f"secret named {name}"

    async def find(self, scope, key):
        return self.kept.get(f"{scope}/{key}")

    async def case_identity(self, _case, purpose):
        if self.destroyed:
            raise KeysDestroyed("The keys of this case were destroyed.")
        return IDENTITIES[Purpose(purpose).value].secret

    async def reveal(self, case, purpose, sealed):
        return open_sealed(sealed, await self.case_identity(case, purpose))

    async def load(self, aggregate, key):
        assert aggregate == "case"
        return self.found.state if key == CASE else Given(service, "case", key=key).state

    async def children(self, aggregate, case):
        assert (aggregate, case) == ("folder", CASE)
        return [(key, loaded.state) for key, loaded in self.folders.items()]

    async def cases(self, aggregate, *, after=None, limit=50):
        assert aggregate == "case"
        return [(CASE, self.found.state)] if after is None else []

    async def carry_out(self, command, *, answer=None, **_):
        self.found.when(command, NOON)
        # As in the one transaction: what is refused keeps no answer.
        if answer is not None:
            self.kept[answer.id] = answer

    def exhibits(self, *events):
        """Facts of evidence, as the case and its folders fold them."""
        self.found.facts(*events)
        declared = service.aggregate("folder")
        for number, event in enumerate(events, start=1):
            fact = followed(event, sequence=number)
            for key in route(fact):
                known = self.folders.get(key, blank(declared, declared.id("legal", key), CASE))
                self.folders[key] = absorb(declared, known, [fact])

    def attempt(self, kind):
        """The last job of that kind, as its worker sees it."""
        job = [one for one in self.found.jobs if one.kind == kind][-1]
        return Attempt(f"legal/case/{CASE}:{kind}", f"legal/case/{CASE}", CASE, kind, job.subject, job.payload, 1)


def desk(*acts, before=affairs.diagnosed, **other):
    """A desk whose case stands as ``before`` makes it, with keys that really open."""
    return Desk(before(*acts, recipients=RECIPIENTS, **other))


def bearer(sub, role, case=CASE, sequence=1):
    token = issue_session(KEY, sub=sub, role=role, case_id=case, sequence=sequence, now=NOON)
    return {"Authorization": f"Bearer {token}"}


LAWYER = ("maitre-durand", "lawyer", None)
WORKER = ("claire", "case-worker", None)
VICTIM = ("holder-victim", "victim")


def client(found, who):
    """An HTTP client of legal's application, signed in as ``who``."""
    transport = httpx.ASGITransport(application(found), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=bearer(*who))
