"""Intake standing in memory: the real declaration, folding, keys, seals and web; only the servers are dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from services.intake.service import service
from services.intake.tools import tools
from shared import clock
from shared.contracts.event import Event
from shared.errors import NotFound, Refused
from shared.runtime.declaration import Attempt, Recorded
from shared.runtime.folding import Loaded, absorb, blank, carry_out, settle
from shared.settings import Settings
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import Purpose, new_identity, open_sealed
from shared.trust.signing import KeySet, generate
from shared.trust.staff import admit, enrolled
from tests.given import followed


class Keyring:
    def __init__(self):
        self.cases: dict[tuple[str, Purpose], Any] = {}
        self.members: dict[str, Any] = {}

    async def create_case_keys(self, case):
        for purpose in Purpose:
            self.cases.setdefault((case, purpose), new_identity())
        return {purpose: self.cases[case, purpose].recipient for purpose in Purpose}

    async def case_identity(self, case, purpose):
        found = self.cases.get((case, Purpose(purpose)))
        if found is None:
            raise KeysDestroyed("gone")
        return found.secret

    async def destroy_case_keys(self, case):
        for purpose in Purpose:
            self.cases.pop((case, purpose), None)

    async def purposes_kept(self, case, purposes=tuple(Purpose)):
        return [one for one in purposes if (case, one) in self.cases]

    async def secret(self, _service, _name):
        return "pepper"

    async def enrol(self, name, role, passphrase):
        self.members[name] = await enrolled(name, role, passphrase)

    async def staff_member(self, name):
        return self.members.get(name)

    async def staff(self):
        return sorted(self.members)

    async def admit_staff(self, name, passphrase):
        return await admit(self.members.get(name), passphrase)


class Objects:
    def __init__(self):
        self.held: dict[str, bytes] = {}

    async def put(self, name, chunks, *, length=None):
        content = b"".join([chunk async for chunk in chunks])
        assert length is None or len(content) == length
        self.held[name] = content

    async def get(self, name):
        if name not in self.held:
            raise NotFound
        yield self.held[name]


class Answers:
    def __init__(self):
        self.kept: dict[str, Any] = {}

    async def find(self, scope, key):
        return self.kept.get(f"{scope}/{key}")


@dataclass
class Standing:
    settings: Settings = field(default_factory=lambda: Settings(origin="http://intake.test"))
    keyring: Keyring = field(default_factory=Keyring)
    objects: Objects = field(default_factory=Objects)
    answers: Answers = field(default_factory=Answers)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    events: list[Recorded] = field(default_factory=list)
    jobs: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    followed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.service = service
        self.signing = generate("intake", clock.now())
        self.keys = KeySet([self.signing.public()])
        self.tools = tools(self)

    def _loaded(self, name, key):
        declared = service.aggregate(name)
        one = declared.id("intake", key)
        return declared, self.loaded.get(one) or blank(declared, one, key)

    async def load(self, name, key):
        return self._loaded(name, key)[1].state

    async def carry_out(self, command, *, cause="", correlation="", job=None, answer=None, outside=None):
        declared, loaded = self._loaded(command.aggregate, command.key)
        outcome = carry_out(
            declared, "intake", loaded, command, clock.now(), cause=cause or "test", correlation=correlation
        )
        references = dict.fromkeys(declared.references(outcome.loaded.state), command.key)
        if any(self.references.get(one, key) != key for one, key in references.items()):
            raise Refused("reference-taken", "taken", conflict=True)
        self.references.update(references)
        if answer is not None:
            self.answers.kept[answer.id] = answer
        self._take(outcome)
        return SimpleNamespace(events=outcome.events, state=outcome.loaded.state)

    def _take(self, outcome):
        self.loaded[outcome.loaded.id] = outcome.loaded
        self.events.extend(outcome.events)
        for job in outcome.jobs:
            self.jobs[outcome.loaded.case, job.kind, job.subject] = job

    def hear(self, case: str, event: Event, source: str | None = None) -> None:
        """A fact of another service arrives."""
        owner = source or event.owner or "legal"
        self.followed[owner] = self.followed.get(owner, 0) + 1
        fact = followed(event, sequence=self.followed[owner], case=case, source=owner)
        for declared in service.aggregates:
            for key in declared.route(fact):
                _, loaded = self._loaded(declared.name, key)
                loaded = absorb(declared, loaded, [fact])
                self._take(settle(declared, "intake", loaded, clock.now(), cause=fact.id, correlation=""))

    async def work(self) -> int:
        """Do every job that was asked for, as the claims would."""
        done = 0
        for (case, kind, subject), job in list(self.jobs.items()):
            del self.jobs[case, kind, subject]
            attempt = Attempt("job", f"intake/case/{case}", case, kind, subject, job.payload, 1)
            for command in await service.worker(kind).run(attempt, self):
                await self.carry_out(command)
            done += 1
        return done

    async def resolve(self, reference):
        return self.references.get(reference)

    async def reveal(self, case, purpose, sealed):
        return open_sealed(sealed, await self.keyring.case_identity(case, purpose))

    async def cases(self, name, *, after=None, limit=50):
        keys = sorted(one.split("/", 2)[2] for one in self.loaded if one.startswith(f"intake/{name}/"))[::-1]
        page = [key for key in keys if after is None or key < after][:limit]
        return [(key, await self.load(name, key)) for key in page]

    def names(self) -> list[str]:
        return [one.name for one in self.events]
