"""The pure heart: facts and commands in, events and jobs out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from shared.contracts.notify import NotificationSent
from shared.ids import event_id
from shared.runtime.declaration import Aggregate, Command, Job, State
from shared.runtime.folding import MAX_ROUNDS, Loaded, Restless, absorb, blank, carry_out, refold, settle
from tests.shared.runtime.memory import CASE

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ID = f"notify/case/{CASE}"
SENT = NotificationSent(notification="n", template="toy", channel="email", sent_at=NOON)


class Count(State):
    said: int = 0


class Say(Command):
    aggregate: ClassVar[str] = "case"


def declared(react=lambda state, now: (), wake=lambda state: None, **more) -> Aggregate:
    def evolve(state, fact):
        return state.model_copy(update={"said": state.said + 1})

    return Aggregate(
        "case", Count, more.pop("decide", lambda state, command, now: (SENT,)), evolve, react, wake, **more
    )


def settled(aggregate: Aggregate, loaded: Loaded | None = None):
    return settle(aggregate, "notify", loaded or blank(aggregate, ID, CASE), NOON, cause="c", correlation="")


def test_react_is_asked_until_it_is_quiet_and_each_event_has_the_next_sequence():
    outcome = settled(declared(lambda state, now: (SENT,) if state.said < 3 else ()))
    assert [one.sequence for one in outcome.events] == [1, 2, 3]
    assert [one.id for one in outcome.events] == [event_id(ID, number) for number in (1, 2, 3)]
    assert {one.correlation for one in outcome.events} == {"c"}
    assert outcome.loaded.sequence == outcome.loaded.state.said == 3


def test_seven_rounds_become_quiet_and_eight_do_not():
    def until(rounds):
        return declared(lambda state, now: (SENT,) if state.said < rounds else ())

    assert settled(until(MAX_ROUNDS - 1)).loaded.state.said == MAX_ROUNDS - 1
    with pytest.raises(Restless):
        settled(until(MAX_ROUNDS))


def test_a_job_said_in_every_round_is_asked_for_once():
    outcome = settled(declared(lambda state, now: (Job(kind="mail", subject="x"),)))
    assert [(one.kind, one.subject) for one in outcome.jobs] == [("mail", "x")]


def test_a_wake_is_in_the_future_or_the_aggregate_is_restless():
    later = NOON + timedelta(milliseconds=1)
    assert settled(declared(wake=lambda state: later)).loaded.wake == later
    with pytest.raises(Restless):
        settled(declared(wake=lambda state: NOON))


def test_a_wake_whose_work_is_a_job_waits_for_its_result():
    due = NOON - timedelta(seconds=1)
    outcome = settled(declared(lambda state, now: (Job(kind="mail", subject="x"),), lambda state: due))
    assert [job.subject for job in outcome.jobs] == ["x"]
    assert outcome.loaded.wake is None


def test_a_command_decides_then_reacts_unless_facts_wait_for_catch_up():
    aggregate = declared(lambda state, now: (SENT,) if state.said == 1 else ())
    command = Say(case=CASE)

    def done(**more):
        loaded = Loaded(ID, CASE, Count(), **more)
        return carry_out(aggregate, "notify", loaded, command, NOON, cause="c", correlation="k")

    assert len(done().events) == 2
    waiting = done(pending=True, wake=NOON)
    assert (len(waiting.events), waiting.loaded.pending, waiting.loaded.wake) == (1, True, NOON)


def test_a_child_decides_with_its_parent_in_view():
    def decide(state, command, now, parent):
        return (SENT,) * parent

    aggregate = declared(decide=decide, parent="case")
    outcome = carry_out(
        aggregate, "notify", blank(aggregate, ID, CASE), Say(case=CASE), NOON, parent=2, cause="c", correlation=""
    )
    assert len(outcome.events) == 2


def test_a_refold_gives_the_state_again_and_keeps_what_stands_beside_it():
    aggregate = declared(lambda state, now: (SENT,) if state.said < 2 else ())
    before = settled(aggregate)
    beside = Loaded(ID, CASE, Count(), revision=5, wake=NOON, pending=True, held=2)
    again = refold(aggregate, beside, [], before.events)
    assert (again.state, again.sequence) == (before.loaded.state, 2)
    assert (again.revision, again.wake, again.pending, again.held) == (5, NOON, True, 2)
    assert absorb(aggregate, beside, before.events).state == again.state
