"""Evidence without store, bus or keyring process: the real declaration, folds, routes and workers, kept in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx

from services.evidence.domain.case import CaseState
from services.evidence.service import service
from shared import clock
from shared.errors import NotFound
from shared.runtime.commands import Done
from shared.runtime.declaration import Attempt, Job
from shared.runtime.folding import Loaded, absorb, blank, carry_out, settle
from shared.settings import Settings
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import open_sealed
from shared.trust.sessions import issue_session
from shared.trust.signing import KeySet, generate
from shared.web.application import application
from tests.given import CASE, followed
from tests.services.evidence.facts import IDENTITY, LAWYER, OPENED, granted
from tests.shared.web.stand_in import Bearer

INTAKE_KEY = generate("intake", clock.now() - timedelta(hours=1))
PEOPLE = (
    granted("victim", "holder-v"),
    granted("witness", "holder-w"),
    granted("institution", "holder-i"),
    granted("guardian", "holder-g"),
    LAWYER,
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@dataclass
class Bucket:
    """Objects in memory; like the real ones, what does not reach its end is not there."""

    kept: dict[str, bytes] = field(default_factory=dict)
    away: Exception | None = None

    async def put(self, name: str, chunks: AsyncIterator[bytes], *, length: int | None = None) -> None:
        self._answer()
        self.kept[name] = b"".join([chunk async for chunk in chunks])

    async def get(self, name: str) -> AsyncIterator[bytes]:
        self._answer()
        if name not in self.kept:
            raise NotFound
        for at in range(0, len(self.kept[name]), 65536):
            yield self.kept[name][at : at + 65536]

    async def delete(self, name: str) -> None:
        self._answer()
        self.kept.pop(name, None)

    async def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.kept if name.startswith(prefix))

    def _answer(self) -> None:
        if self.away:
            raise self.away


@dataclass
class Running:
    """What routes and workers ask of the runtime. ``events`` and ``jobs`` are all that were ever emitted."""

    objects: Any = field(default_factory=Bucket)
    settings: Settings = field(default_factory=Settings)
    http: httpx.AsyncClient | None = None
    keys: KeySet = field(default_factory=lambda: KeySet([INTAKE_KEY.public()]))
    loaded: dict[str, Loaded] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    jobs: list[tuple[str, Job]] = field(default_factory=list)
    answers_kept: dict[str, Any] = field(default_factory=dict)
    destroyed: bool = False
    failing: Exception | None = None
    sequence: int = 0
    exhibit: str = ""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.service = service
        assert service.tools
        self.tools = service.tools(self)
        self.keyring = self
        self.answers = self

    # ---- what others said

    def hears(self, *facts: Any, case: str = CASE) -> Running:
        for fact in facts:
            self.sequence += 1
            self._fold("case", case, followed(fact, sequence=self.sequence, case=case), case)
        return self

    def _fold(self, aggregate: str, key: str, fact: Any, case: str) -> None:
        declared = service.aggregate(aggregate)
        before = self._loaded(aggregate, key, case)
        self._take(
            settle(declared, "evidence", absorb(declared, before, [fact]), clock.now(), cause="", correlation="")
        )

    def _loaded(self, aggregate: str, key: str, case: str) -> Loaded:
        declared = service.aggregate(aggregate)
        one = declared.id("evidence", key)
        return self.loaded.get(one) or blank(declared, one, case)

    def _take(self, outcome: Any) -> None:
        self.loaded[outcome.loaded.id] = replace(outcome.loaded, revision=outcome.loaded.revision + 1)
        self.events.extend(one.event for one in outcome.events)
        self.jobs.extend((outcome.loaded.id, job) for job in outcome.jobs)

    # ---- what the runtime does

    async def carry_out(self, command, *, cause="", correlation="", job=None, answer=None, outside=None):
        if self.failing:
            raise self.failing
        declared = service.aggregate(command.aggregate)
        before = self._loaded(command.aggregate, command.key, command.case)
        parent = self._loaded("case", command.case, command.case).state if declared.parent else None
        outcome = carry_out(
            declared, "evidence", before, command, clock.now(), parent=parent, cause="c", correlation="c"
        )
        self._take(outcome)
        if answer:
            self.answers_kept[answer.id] = answer
        for one in outcome.events:
            if type(one.event) in service.follows:
                self._fold("case", command.case, one, command.case)
        return Done(outcome.events, outcome.loaded.state)

    async def load(self, aggregate, key):
        return self._loaded(aggregate, key, key).state

    async def children(self, aggregate, case):
        prefix = f"evidence/{aggregate}/"
        return [
            (one.id.removeprefix(prefix), one.state)
            for one in self.loaded.values()
            if one.id.startswith(prefix) and one.case == case
        ]

    async def case_identity(self, case, purpose):
        if self.destroyed:
            raise KeysDestroyed("destroyed")
        assert purpose == "evidence"
        return IDENTITY.secret

    async def reveal(self, case, purpose, sealed):
        return open_sealed(sealed, await self.case_identity(case, purpose))

    async def secret(self, service, name):
        return f"{service} {name}"

    async def find(self, scope, key):
        return self.answers_kept.get(f"{scope}/{key}")

    # ---- what a test asks

    def attempt(self, kind: str, number: int = 1) -> Attempt:
        """The newest job of that kind, claimed."""
        aggregate, job = next(one for one in reversed(self.jobs) if one[1].kind == kind)
        case = self.loaded[aggregate].case
        return Attempt(f"{aggregate}/{kind}", aggregate, case, kind, job.subject, job.payload, number)

    async def works(self, kind: str, number: int = 1) -> None:
        """Do the newest job of that kind and carry out its result."""
        for command in await service.worker(kind).run(self.attempt(kind, number), self):
            await self.carry_out(command)

    def said(self, event: type) -> list[Any]:
        return [one for one in self.events if isinstance(one, event)]

    @property
    def case(self) -> CaseState:
        state: CaseState = self._loaded("case", CASE, CASE).state
        return state


def known(**given: Any) -> Running:
    """A case with a victim, a witness, an institution, a guardian and a lawyer."""
    return Running(**given).hears(OPENED, *PEOPLE)


def bearer(sub: str = "holder-v", role: str = "victim", case: str | None = CASE, sequence: int = 1) -> Bearer:
    return Bearer(
        lambda: issue_session(INTAKE_KEY, sub=sub, role=role, case_id=case, sequence=sequence, now=clock.now())
    )


VICTIM = bearer()
WITNESS = bearer("holder-w", "witness")
INSTITUTION = bearer("holder-i", "institution")
GUARDIAN = bearer("holder-g", "guardian")
STAFF = bearer("staff-lawyer", "lawyer", None)


def said(**given: Any) -> dict[str, str]:
    """The header that declares a file."""
    declaration = {"may_show_minor_sexually": False, "kind": "screenshot", "name": "capture.png", **given}
    return {"Recours-Exhibit": json.dumps(declaration)}


def client(running: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(running, static=False))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


AT = f"/evidence/api/cases/{CASE}/exhibits"
PAGE = f"/evidence/cases/{CASE}"
