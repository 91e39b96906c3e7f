"""A running billing service in memory: the real declaration and pure functions; store, bucket and bus stand in.

An event that one aggregate publishes and another follows (an invoice) arrives at once, as over the bus.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.billing.service import service
from shared.clock import now
from shared.errors import NotFound
from shared.runtime.commands import Done
from shared.runtime.declaration import Attempt
from shared.runtime.folding import absorb, blank, carry_out, settle
from shared.settings import Settings
from shared.trust.sealing import open_sealed
from shared.trust.signing import KeySet
from tests.given import CASE, followed
from tests.services.billing.facts import IDENTITY
from tests.shared.web.stand_in import INTAKE_KEY


class Bucket:
    def __init__(self):
        self.kept = {}

    async def put(self, name, chunks, *, length=None):
        self.kept[name] = b"".join([chunk async for chunk in chunks])
        assert length in {None, len(self.kept[name])}

    async def get(self, name):
        if name not in self.kept:
            raise NotFound
        yield self.kept[name]

    async def delete(self, name):
        self.kept.pop(name, None)

    async def names(self, prefix):
        return sorted(name for name in self.kept if name.startswith(prefix))


class Outside:
    def __init__(self):
        self.waiting = []
        self.confirmed = []

    async def unconfirmed(self, case):
        return self.waiting

    async def confirm(self, message, case):
        self.confirmed.append((message, case))


@dataclass
class Keyring:
    members: list[Any] = field(default_factory=list)

    async def secret(self, service, name):
        return f"{service} {name}"

    async def partners(self):
        return self.members

    async def partner(self, name):
        return next((one for one in self.members if one.partner_id == name), None)


@dataclass
class Running:
    settings: Settings = field(default_factory=Settings)
    service: Any = service
    keys: KeySet = field(default_factory=lambda: KeySet([INTAKE_KEY.public()]))
    keyring: Keyring = field(default_factory=Keyring)
    objects: Bucket = field(default_factory=Bucket)
    outside: Outside = field(default_factory=Outside)
    aggregates: dict[Any, Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    jobs: dict[Any, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    tools: Any = None
    before: Any = None
    sequences: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.tools = self.service.tools(self)

    @property
    def answers(self):
        return self

    async def find(self, scope, key):
        return self.kept.get(f"{scope}/{key}")

    def _loaded(self, name, key):
        declared = self.service.aggregate(name)
        identity = declared.id(self.service.name, key)
        return self.aggregates.get(identity) or blank(declared, identity, key)

    async def load(self, name, key):
        return self._loaded(name, key).state

    async def carry_out(self, command, *, cause="", correlation="", job=None, answer=None, outside=None):
        if self.before:
            before, self.before = self.before, None
            await before(command)
        declared = self.service.aggregate(command.aggregate)
        loaded = self._loaded(command.aggregate, command.key)
        outcome = carry_out(declared, "billing", loaded, command, now(), cause=cause, correlation="test")
        if answer:
            self.kept[answer.id] = answer
        self._keep(outcome)
        if command.aggregate == "register":
            for one in outcome.events:
                self._arrive(one)
        return Done(outcome.events, outcome.loaded.state)

    def facts(self, *events, case=CASE):
        for event in events:
            owner = event.owner or "intake"
            self.sequences[owner] = self.sequences.get(owner, 0) + 1
            self._arrive(followed(event, sequence=self.sequences[owner], case=case))

    def _arrive(self, fact):
        declared = self.service.aggregate("case")
        loaded = absorb(declared, self._loaded("case", fact.case), [fact])
        self._keep(settle(declared, "billing", loaded, now(), cause="test", correlation="test"))

    def _keep(self, outcome):
        self.aggregates[outcome.loaded.id] = outcome.loaded
        self.events += [one.event for one in outcome.events]
        for job in outcome.jobs:
            self.jobs[job.kind, job.subject] = (outcome.loaded, job)

    async def work(self, kind):
        """Do every job of ``kind`` once, as the claims would; gives the attempts."""
        attempts = []
        for (one, subject), (loaded, job) in list(self.jobs.items()):
            if one == kind:
                identity = f"{loaded.id}/{kind}/{subject}"
                attempt = Attempt(identity, loaded.id, loaded.case, kind, subject, job.payload, 1)
                for command in await self.service.worker(kind).run(attempt, self):
                    await self.carry_out(command)
                self.jobs.pop((one, subject), None)
                attempts.append(attempt)
        return attempts

    async def resolve(self, reference):
        for identity, loaded in self.aggregates.items():
            if reference in self.service.aggregate_of(identity).references(loaded.state):
                return identity.split("/", 2)[2]
        return None

    async def reveal(self, case, purpose, sealed):
        assert purpose == "contact"
        return open_sealed(sealed, IDENTITY.secret)
