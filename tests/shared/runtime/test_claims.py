"""Jobs: what is tried again and when, what is given up, and what is never done in vain."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar

import pytest

from shared import clock
from shared.errors import Held, Refused, Unavailable
from shared.runtime import claims
from shared.runtime.claims import Jobs, _later
from shared.runtime.declaration import Attempt, Command, Impossible, Postponed, Worker
from shared.runtime.metrics import Metrics
from shared.runtime.transactions import Fenced, StoreDown
from tests.shared.runtime.memory import CASE

ID = f"notify/case/{CASE}"


class Result(Command):
    aggregate: ClassVar[str] = "case"
    ok: bool = True


class Office:
    """What Jobs asks of Running, with its store and engine."""

    def __init__(self, *workers: Worker, due=()) -> None:
        self.service = SimpleNamespace(workers=workers)
        self.store = self.engine = self.commands = self
        self.metrics = Metrics()
        self.writer = "w"
        self.is_held = False
        self.refuses: Exception | None = None
        self.told: list[tuple[Command, Attempt | None]] = []
        self.back: list[tuple] = []
        self.dead: list[str] = []
        self._due = list(due)
        self.asked: list = []

    async def held(self, aggregate, case):
        return self.is_held

    async def due(self, collection, now, limit, *, kinds=None):
        self.asked.append((limit, kinds))
        return [one for one in self._due if kinds is None or one["kind"] in kinds][:limit]

    async def claim(self, collection, document, *, owner, until):
        return {**document, "attempt": document["attempt"] + 1}

    async def carry_out(self, command, *, cause, job=None):
        self.told.append((command, job))
        if self.refuses:
            raise self.refuses

    async def reschedule(self, job, attempt, *, not_before, failures):
        self.back.append((failures, not_before))

    async def give_up(self, attempt, detail):
        self.dead.append(detail)


def worker(run=None, policy="idempotent", given_up=None, **more) -> Worker:
    async def done(attempt, running):
        return [Result(case=CASE)]

    return Worker("mail", run or done, given_up or (lambda attempt, why: Result(case=CASE, ok=False)), policy, **more)


def job(kind: str = "mail", failures: int = 0):
    return {
        "_id": f"{ID}:{kind}:x",
        "aggregate": ID,
        "case": CASE,
        "kind": kind,
        "subject": "x",
        "payload": {},
        "attempt": 1,
        "failures": failures,
    }


async def done(office: Office, one: Worker, failures: int = 0) -> None:
    await Jobs(office)._attempt(one, job(failures=failures))  # type: ignore[arg-type]


def failing(error: BaseException):
    async def run(attempt, running):
        raise error

    return run


def test_the_wait_doubles_up_to_its_limit_with_jitter_and_never_overflows():
    one = worker(backoff=timedelta(seconds=1), backoff_limit=timedelta(seconds=60))
    for failures, longest in ((0, 1), (3, 8), (10, 60), (10_000, 60)):
        waits = [(_later(one, failures) - clock.now()).total_seconds() for _ in range(50)]
        assert longest * 0.5 - 0.1 <= min(waits)
        assert max(waits) <= longest + 0.1


async def test_only_the_last_command_of_a_result_settles_the_job():
    async def run(attempt, running):
        return [Result(case=CASE), Result(case=CASE)]

    one = worker(run)
    office = Office(one)
    await done(office, one)
    assert [claimed is not None for _, claimed in office.told] == [False, True]


async def test_what_was_done_outside_is_not_done_again_while_only_its_result_cannot_be_stored(monkeypatch):
    ran = []
    monkeypatch.setattr(claims, "AGAIN", 0.001)

    async def run(attempt, running):
        ran.append(attempt)
        return [Result(case=CASE)]

    one = worker(run)
    office = Office(one)
    office.refuses = Unavailable("A dead client's locks.")

    async def free_after_a_while(command, *, cause, job=None):
        if len(office.told) == 15:
            office.refuses = None
        await Office.carry_out(office, command, cause=cause, job=job)

    office.carry_out = free_after_a_while  # type: ignore[method-assign]
    await done(office, one)
    assert (len(ran), len(office.told), office.back) == (1, 16, [])


async def test_a_failure_counts_and_the_last_one_is_said():
    one = worker(failing(OSError("down")), attempts=3)
    office = Office(one)
    await done(office, one, failures=1)
    assert [failures for failures, _ in office.back] == [2]
    await done(office, one, failures=2)
    assert [(command.ok, bool(claimed)) for command, claimed in office.told] == [(False, True)]


async def test_what_is_impossible_is_given_up_at_once_and_what_is_postponed_counts_no_attempt():
    later = clock.now() + timedelta(hours=1)
    never, not_yet = worker(failing(Impossible("no-such-thing"))), worker(failing(Postponed(later)))
    office = Office(never)
    await done(office, never)
    assert [command.ok for command, _ in office.told] == [False]
    await done(office, not_yet, failures=2)
    assert office.back == [(2, later)]


async def test_nothing_is_done_outside_for_an_aggregate_that_is_held():
    ran = []

    async def run(attempt, running):
        ran.append(attempt)
        return [Result(case=CASE)]

    one = worker(run, policy="at-least-once")
    office = Office(one)
    office.is_held = True
    await done(office, one, failures=1)
    assert ran == []
    assert [failures for failures, _ in office.back] == [1]
    office.is_held, office.refuses = False, Held("held since")
    await done(office, one, failures=1)
    assert len(office.back) == 2


@pytest.mark.parametrize(("policy", "given_up"), [("at-least-once", True), ("idempotent", False)])
async def test_a_refused_result_is_not_done_again_where_doing_shows(policy, given_up):
    one = worker(policy=policy)
    office = Office(one)
    office.refuses = Refused("closed", "The case is closed.")
    await done(office, one)
    assert (office.dead == ["result-refused-closed, then closed"]) is given_up
    assert bool(office.back) is not given_up


@pytest.mark.parametrize("error", [Refused("closed", "Camille Perrin"), ValueError("Camille Perrin")])
async def test_a_failure_that_cannot_be_said_becomes_a_dead_letter_without_its_text(error):
    def given_up(attempt, why):
        raise error

    one = worker(failing(Impossible("no")), given_up=given_up)
    office = Office(one)
    await done(office, one)
    assert len(office.dead) == 1
    assert "Camille" not in office.dead[0]


async def test_a_result_that_is_another_attempts_is_dropped():
    one = worker()
    office = Office(one)
    office.refuses = Fenced()
    await done(office, one)
    assert (office.back, office.dead) == ([], [])


async def test_jobs_that_nobody_here_does_take_no_hand():
    office = Office(worker(), due=[*(job("unheard-of") for _ in range(20)), job()])
    jobs = Jobs(office)  # type: ignore[arg-type]
    assert await jobs.turn() == 1
    assert office.asked == [(8, ["mail"])]
    await jobs.drain(1)
    assert len(office.told) == 1


async def test_a_job_whose_store_went_away_is_given_back_at_the_next_turn_and_not_after_its_lease():
    office = Office(worker(lease=timedelta(seconds=0.1)), due=[job(failures=2)])
    jobs = Jobs(office)  # type: ignore[arg-type]
    given_back, office.refuses = office.reschedule, StoreDown("gone")

    async def gone(*_, **__):
        raise StoreDown("gone")

    office.reschedule = gone  # type: ignore[method-assign]
    assert await jobs.turn() == 1
    await jobs.drain(5)
    office.reschedule = given_back  # type: ignore[method-assign]
    office._due.clear()
    await jobs.turn()
    [(failures, not_before)] = office.back
    assert failures == 2
    assert not_before <= clock.now() + timedelta(seconds=1)
    await jobs.turn()
    assert len(office.back) == 1
