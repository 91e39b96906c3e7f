"""Two small services on the real runtime, for tests of the runtime alone: ``python -m tests.shared.runtime.toy NAME``.

``intake`` opens and updates cases; ``notify`` answers each update once, by a job. Knobs of the environment: TOY_FOLD is
the fold version of notify, TOY_HEALED lets it read what it could not, TOY_ECHO_FAILS makes its job fail.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared import clock
from shared.contracts.intake import CaseOpened, CaseUpdated, Facets
from shared.contracts.notify import NotificationFailed, NotificationSent
from shared.errors import Refused
from shared.runtime.declaration import Aggregate, Attempt, Command, Job, Recorded, Service, State, Worker
from shared.settings import read

POISON = 66_666
RECIPIENTS = dict.fromkeys(("contact", "account", "evidence", "authors"), "age1" + "q" * 58)


class Case(State):
    opened: bool = False
    updates: int = 0
    lately: datetime | None = None


class Open(Command):
    aggregate: ClassVar[str] = "case"
    at_most: int = 3


class Update(Command):
    aggregate: ClassVar[str] = "case"
    at_most: int


def decide_case(state: Case, command: Command, now: datetime):
    match command:
        case Open(at_most=at_most) if not state.opened:
            facets = Facets(persona="victim", authors_at_most=at_most)
            yield CaseOpened(facets=facets, recipients=RECIPIENTS, locator=f"{abs(hash(command.case)):064x}"[:64])
        case Update(at_most=at_most) if state.opened:
            yield CaseUpdated(facets=Facets(persona="victim", authors_at_most=at_most))
        case Update():
            raise Refused("not-opened", "Open the case first.")


def evolve_case(state: Case, fact: Recorded) -> Case:
    match fact.event:
        case CaseOpened():
            return state.model_copy(update={"opened": True})
        case CaseUpdated():
            return state.model_copy(update={"updates": state.updates + 1, "lately": fact.time})
    return state


class Told(State):
    heard: dict[str, int] = Field(default_factory=dict)
    told: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    reminded: bool = False
    first: datetime | None = None
    version: int = 1


class Tell(Command):
    aggregate: ClassVar[str] = "case"
    notification: str
    ok: bool = True
    sent_at: datetime


def decide_told(state: Told, command: Command, now: datetime):
    match command:
        case Tell(notification=one, ok=True, sent_at=sent_at) if one not in state.told | state.failed:
            yield NotificationSent(notification=one, template="toy", channel="email", sent_at=sent_at)
        case Tell(notification=one, ok=False) if one not in state.told | state.failed:
            yield NotificationFailed(notification=one, template="toy", channel="email", reason="toy")


def evolve_told(state: Told, fact: Recorded) -> Told:
    match fact.event:
        case CaseOpened(facets=facets) | CaseUpdated(facets=facets):
            if facets.authors_at_most == POISON and "TOY_HEALED" not in os.environ:
                raise ValueError("cannot read this: Camille Perrin")
            first = min(state.first or fact.time, fact.time)
            heard = {**state.heard, fact.id: facets.authors_at_most or 0}
            return state.model_copy(update={"heard": heard, "first": first, "version": fold_version()})
        case NotificationSent(notification="reminder"):
            return state.model_copy(update={"reminded": True})
        case NotificationSent(notification=one):
            return state.model_copy(update={"told": state.told | {one}})
        case NotificationFailed(notification=one):
            return state.model_copy(update={"failed": state.failed | {one}})
    return state


def react_told(state: Told, now: datetime):
    for one in state.heard:
        if one not in state.told | state.failed:
            yield Job(kind="tell", subject=one)
    due = wake_told(state)
    if due is not None and due <= now:
        yield NotificationSent(notification="reminder", template="reminder", channel="email", sent_at=now)


def wake_told(state: Told) -> datetime | None:
    return None if state.reminded or state.first is None else state.first + timedelta(seconds=2)


async def tell(attempt: Attempt, running) -> list[Command]:
    if "TOY_ECHO_FAILS" in os.environ:
        raise OSError("the outside is down")
    return [Tell(case=attempt.case, notification=attempt.subject, sent_at=clock.now())]


def not_told(attempt: Attempt, reason: str) -> Command:
    return Tell(case=attempt.case, notification=attempt.subject, ok=False, sent_at=clock.now())


def fold_version() -> int:
    return int(os.environ.get("TOY_FOLD", "1"))


class Body(BaseModel):
    what: Literal["open", "update"]
    at_most: int = 3


def routes(running) -> APIRouter:
    router = APIRouter()
    name = running.service.name

    @router.post(f"/{name}/toy/{{case}}")
    async def act(case: str, body: Body):
        command = Open if body.what == "open" else Update
        done = await running.carry_out(command(case=case, at_most=body.at_most))
        return {"events": [one.id for one in done.events]}

    @router.get(f"/{name}/toy/{{case}}")
    async def look(case: str):
        return (await running.load("case", case)).model_dump(mode="json")

    return router


INTAKE = Service(
    name="intake",
    aggregates=(Aggregate("case", Case, decide_case, evolve_case),),
    publishes=(CaseOpened, CaseUpdated),
    follows=(NotificationSent,),
    routes=routes,
)
NOTIFY = Service(
    name="notify",
    aggregates=(Aggregate("case", Told, decide_told, evolve_told, react_told, wake_told, fold=fold_version()),),
    publishes=(NotificationSent, NotificationFailed),
    follows=(CaseOpened, CaseUpdated),
    workers=(Worker("tell", tell, not_told, "idempotent", attempts=4, backoff=timedelta(milliseconds=50)),),
    routes=routes,
)

if __name__ == "__main__":
    from shared.runtime.process import run

    run({"intake": INTAKE, "notify": NOTIFY}[sys.argv[1]], read())
