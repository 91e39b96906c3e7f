"""Two small services on the real runtime that use all of it: ``python -m tests.faults.faulty NAME`` runs one.

``intake`` opens, updates and closes cases and takes partners' referrals. ``notify`` tells the outside of each fact,
by a job (the outside is a recording server of the tests), reminds two seconds after the opening unless the case was
closed, and keeps threads, which are children of the case. Each command carries a number that is unique in its case, so
that what was accepted can be found again. The environment: FAULTS_OUTSIDE, FAULTS_LEASE (seconds of a job's lease).
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field

from shared import clock
from shared.contracts.intake import AccessGranted, CaseClosed, CaseOpened, CaseUpdated, Facets
from shared.contracts.notify import NotificationFailed, NotificationSent
from shared.contracts.partners import Referral
from shared.errors import NotFound, RecoursError, Refused
from shared.runtime.answers import Answer
from shared.runtime.declaration import (
    Acceptance,
    Aggregate,
    Attempt,
    Command,
    Job,
    Recorded,
    Service,
    State,
    Worker,
    nowhere,
)

POISON, TOO_LARGE, TOO_WIDE = 66_666, 77_777, 88_888
"""Numbers that cannot be folded, make a state over its bound, make a job that BSON cannot hold."""
REMINDED_AFTER = timedelta(seconds=2)
RECIPIENTS = dict.fromkeys(("contact", "account", "evidence", "authors"), "age1" + "q" * 58)
LEASE = timedelta(seconds=float(os.environ.get("FAULTS_LEASE", "4")))


def facets(number: int) -> Facets:
    return Facets(persona="victim", authors_at_most=number)


# ---- intake


class Case(State):
    opened: bool = False
    closed: bool = False
    numbers: tuple[int, ...] = ()
    heard: frozenset[str] = frozenset()


class Open(Command):
    aggregate: ClassVar[str] = "case"
    number: int


class Update(Command):
    aggregate: ClassVar[str] = "case"
    number: int
    twin: int | None = None


class Close(Command):
    aggregate: ClassVar[str] = "case"
    number: int


class Refer(Command):
    aggregate: ClassVar[str] = "case"
    message: str


def decide_case(state: Case, command: Command, now: datetime):
    match command:
        case Open(number=number) if not state.opened:
            locator = hashlib.sha256(command.case.encode()).hexdigest()
            yield CaseOpened(facets=facets(number), recipients=RECIPIENTS, locator=locator)
        case Update(number=number, twin=twin) if state.opened:
            yield CaseUpdated(facets=facets(number))
            if twin is not None:
                yield CaseUpdated(facets=facets(twin))
        case Close() if state.opened and not state.closed:
            yield CaseClosed(reason="done")
        case Refer(message=message) if state.opened:
            yield AccessGranted(access=message, role="victim", holder="partner")
        case Update() | Close() | Refer():
            raise Refused("not-open", "Open the case first, or leave a closed one.")


def evolve_case(state: Case, fact: Recorded) -> Case:
    match fact.event:
        case CaseOpened():
            return state.model_copy(update={"opened": True})
        case CaseUpdated(facets=said):
            return state.model_copy(update={"numbers": (*state.numbers, said.authors_at_most)})
        case CaseClosed():
            return state.model_copy(update={"closed": True})
        case NotificationSent():
            return state.model_copy(update={"heard": state.heard | {fact.id}})
    return state


# ---- notify


class Told(State):
    heard: dict[str, int] = Field(default_factory=dict)
    told: dict[str, int] = Field(default_factory=dict)
    nudges: tuple[int, ...] = ()
    closed: bool = False
    reminded: bool = False
    first: datetime | None = None
    bulk: str = ""


class Tell(Command):
    """Without a guard: that a fact is told once is what the claim's fence sees to."""

    aggregate: ClassVar[str] = "case"
    notification: str
    ok: bool = True
    sent_at: datetime


class Nudge(Command):
    aggregate: ClassVar[str] = "case"
    number: int


def decide_told(state: Told, command: Command, now: datetime):
    match command:
        case Tell(notification=one, ok=True, sent_at=sent_at):
            yield NotificationSent(notification=one, template="told", channel="email", sent_at=sent_at)
        case Tell(notification=one, ok=False):
            yield NotificationFailed(notification=one, template="told", channel="email", reason="given-up")
        case Nudge(number=number) if state.first is not None:
            yield NotificationSent(notification=f"nudge-{number}", template="nudge", channel="email", sent_at=now)
        case Nudge():
            raise NotFound


def evolve_told(state: Told, fact: Recorded) -> Told:
    match fact.event:
        case CaseOpened(facets=said) | CaseUpdated(facets=said):
            number = said.authors_at_most or 0
            if number == POISON and "FAULTS_HEALED" not in os.environ:
                raise ValueError("cannot read this")
            update: dict[str, object] = {"heard": {**state.heard, fact.id: number}}
            if number == TOO_LARGE and "FAULTS_HEALED" not in os.environ:
                update["bulk"] = "x" * 1_100_000
            if isinstance(fact.event, CaseOpened):
                update["first"] = fact.time
            return state.model_copy(update=update)
        case CaseClosed():
            return state.model_copy(update={"closed": True})
        case NotificationSent(template="reminder"):
            return state.model_copy(update={"reminded": True})
        case NotificationSent(template="nudge", notification=one):
            return state.model_copy(update={"nudges": (*state.nudges, int(one.removeprefix("nudge-")))})
        case NotificationSent(notification=one) | NotificationFailed(notification=one):
            return state.model_copy(update={"told": {**state.told, one: state.told.get(one, 0) + 1}})
    return state


def react_told(state: Told, now: datetime):
    for one, number in state.heard.items():
        if one not in state.told:
            wide = {"wide": 2**80} if number == TOO_WIDE and "FAULTS_HEALED" not in os.environ else {}
            yield Job(kind="tell", subject=one, payload=wide)
    due = wake_told(state)
    if due is not None and due <= now:
        yield NotificationSent(notification="reminder", template="reminder", channel="email", sent_at=now)


def wake_told(state: Told) -> datetime | None:
    return None if state.reminded or state.closed or state.first is None else state.first + REMINDED_AFTER


class Thread(State):
    numbers: tuple[int, ...] = ()


class Note(Command):
    aggregate: ClassVar[str] = "thread"
    thread: str
    number: int

    @property
    def key(self) -> str:
        return self.thread


def decide_thread(state: Thread, command: Command, now: datetime, parent: Told):
    match command:
        case Note(number=number) if parent is not None and parent.first is not None:
            yield NotificationSent(notification=f"note-{number}", template="note", channel="email", sent_at=now)
        case Note():
            raise NotFound


def evolve_thread(state: Thread, fact: Recorded) -> Thread:
    match fact.event:
        case NotificationSent(notification=one):
            return state.model_copy(update={"numbers": (*state.numbers, int(one.removeprefix("note-")))})
    return state


async def tell(attempt: Attempt, running) -> list[Command]:
    body = {"job": attempt.id, "attempt": attempt.number}
    answer = await running.http.post(f"{os.environ['FAULTS_OUTSIDE']}/tell", json=body, timeout=5)
    answer.raise_for_status()
    return [Tell(case=attempt.case, notification=attempt.subject, sent_at=clock.now())]


def not_told(attempt: Attempt, reason: str) -> Command:
    return Tell(case=attempt.case, notification=attempt.subject, ok=False, sent_at=clock.now())


# ---- both


class Body(BaseModel):
    what: Literal["open", "update", "close", "nudge", "note"]
    number: int
    twin: int | None = None


def command_of(case: str, body: Body) -> Command:
    match body.what:
        case "open":
            return Open(case=case, number=body.number)
        case "update":
            return Update(case=case, number=body.number, twin=body.twin)
        case "close":
            return Close(case=case, number=body.number)
        case "nudge":
            return Nudge(case=case, number=body.number)
        case "note":
            return Note(case=case, number=body.number, thread=f"{case}.{body.number % 3}")


def routes(running) -> APIRouter:
    router = APIRouter()

    async def replayed(answer_id: str, digest: str) -> bool:
        kept = await running.answers.find(*answer_id.split("/", 1))
        if kept is not None and kept.body_hmac != digest:
            raise Refused("key-reused", "Use a new key for another request.", conflict=True)
        return kept is not None

    @router.post(f"/{running.service.name}/faults/{{case}}")
    async def act(case: str, body: Body, idempotency_key: Annotated[str, Header()]):
        answer_id = f"{case}/{idempotency_key}"
        digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
        if await replayed(answer_id, digest):
            return {"replayed": True}
        answer = Answer(answer_id, digest, "done", clock.now() + timedelta(hours=24))
        try:
            await running.carry_out(command_of(case, body), answer=answer)
        except RecoursError:
            if not await replayed(answer_id, digest):
                raise
            return {"replayed": True}
        return {"replayed": False}

    return router


INTAKE = Service(
    name="intake",
    aggregates=(Aggregate("case", Case, decide_case, evolve_case),),
    publishes=(CaseOpened, CaseUpdated, CaseClosed, AccessGranted),
    follows=(NotificationSent,),
    accepts=(Acceptance(Referral, lambda message, case, _now: Refer(case=case, message=message.id)),),
    routes=routes,
)
NOTIFY = Service(
    name="notify",
    aggregates=(
        Aggregate("case", Told, decide_told, evolve_told, react_told, wake_told),
        Aggregate("thread", Thread, decide_thread, evolve_thread, route=nowhere, parent="case"),
    ),
    publishes=(NotificationSent, NotificationFailed),
    follows=(CaseOpened, CaseUpdated, CaseClosed),
    workers=(
        Worker(
            "tell",
            tell,
            not_told,
            "idempotent",
            attempts=1000,
            lease=LEASE,
            backoff=timedelta(milliseconds=100),
            backoff_limit=timedelta(seconds=2),
        ),
    ),
    routes=routes,
)
SERVICES = {one.name: one for one in (INTAKE, NOTIFY)}
