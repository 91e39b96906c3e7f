"""The write path over a store in memory: what one aggregate, fact or crash does to itself, and not to others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from shared import clock
from shared.contracts.intake import CaseUpdated, Facets
from shared.contracts.notify import NotificationSent
from shared.errors import Refused, Unavailable
from shared.runtime import facts
from shared.runtime.batches import Group, by_aggregate, halves
from shared.runtime.declaration import Aggregate, Attempt, Command, Job, Recorded, Service, State
from shared.runtime.documents import Writes
from shared.runtime.facts import CONFLICTS, LONGEST_PAUSE
from shared.runtime.letters import where
from shared.runtime.transactions import CommitUnknown, Conflict, StoreDown, StoreRefusal
from tests.shared.runtime.memory import CASE, Memory, Silent, arrival, engine_of, unread

OTHER = CASE.replace("1", "2")
ID, OTHER_ID = f"notify/case/{CASE}", f"notify/case/{OTHER}"
LONG = datetime(2031, 1, 1, tzinfo=UTC)


class Told(State):
    heard: frozenset[int] = frozenset()
    said: int = 0
    due: datetime | None = None


class Say(Command):
    aggregate: ClassVar[str] = "case"
    template: str = "toy"


def said(template: str = "toy", now: datetime | None = None) -> NotificationSent:
    sent = NotificationSent(notification="n", template="toy", channel="email", sent_at=now or clock.now())
    return sent.model_copy(update={"template": template})


def decide(state: Told, command: Say, now: datetime):
    if command.template == "no":
        raise Refused("no", "No.")
    return (said(command.template, now),)


def evolve(state: Told, fact: Recorded) -> Told:
    match fact.event:
        case CaseUpdated(facets=facets) if facets.authors_at_most == 666:
            raise ValueError("Camille Perrin")
        case CaseUpdated(facets=facets):
            return state.model_copy(update={"heard": state.heard | {facets.authors_at_most}})
        case NotificationSent(template="overdue"):
            return state.model_copy(update={"said": state.said + 1, "due": None})
        case NotificationSent():
            return state.model_copy(update={"said": state.said + 1})
    return state


def service(react=lambda state, now: (), wake=lambda state: state.due, route=None, children=False) -> Service:
    main = Aggregate("case", Told, decide, evolve, react, wake)
    if route:
        main = replace(main, route=route)
    child = Aggregate("exhibit", Told, decide, evolve, route=lambda fact: (f"x-{fact.case}",), parent="case")
    return Service(
        name="notify",
        aggregates=(main, child) if children else (main,),
        publishes=(NotificationSent,),
        follows=(CaseUpdated,),
    )


def updated(number: int, sequence: int = 1, *, case: str = CASE):
    event = CaseUpdated(facets=Facets(persona="victim", authors_at_most=number))
    return arrival(event, sequence, case=case)


def groups(engine, *arrivals, live=True):
    found: dict[str, Group] = {}
    for one in arrivals:
        for aggregate_id, group in engine.facts.targets(one, live=live).items():
            if found.setdefault(aggregate_id, group) is not group:
                found[aggregate_id].arrivals.extend(group.arrivals)
    return found


def test_a_conflict_halves_by_aggregate_and_a_refusal_also_by_fact():
    declared = service().aggregate("case")
    many = {name: Group(declared, name) for name in "edcba"}
    assert [sorted(half) for half in by_aggregate(many)] == [["a", "b"], ["c", "d", "e"]]
    assert [sorted(half) for half in halves(many)] == [["a", "b"], ["c", "d", "e"]]
    alone = {"a": Group(declared, "a", [updated(1, 1), updated(2, 2), updated(3, 3)], redriven=["letter"])}
    assert len(by_aggregate(alone)) == 1
    first, second = halves(alone)
    assert [one.fact.sequence for one in first["a"].arrivals] == [1]
    assert [one.fact.sequence for one in second["a"].arrivals] == [2, 3]
    assert (first["a"].redriven, second["a"].redriven) == (["letter"], [])
    assert len(halves({"a": Group(declared, "a", [updated(1)])})) == 1


async def test_a_batch_is_one_transaction_and_the_same_batch_again_is_none():
    store = Memory()
    engine = engine_of(service(), store)
    batch = [updated(1), updated(2, 2), updated(3, case=OTHER)]
    await engine.facts.apply(groups(engine, *batch))
    assert (store.commits, len(store.inbox)) == (1, 3)
    await engine.facts.apply(groups(engine, *batch))
    assert (store.commits, len(store.inbox)) == (1, 3)


async def test_an_aggregate_that_cannot_be_loaded_is_held_and_the_others_go_on():
    store = Memory()
    engine = engine_of(service(), store)
    await engine.facts.apply(groups(engine, updated(1)))
    store.unloadable = {ID}
    await engine.facts.apply(groups(engine, updated(2, 2), updated(3, case=OTHER)))
    assert f"{OTHER_ID}/{updated(3, case=OTHER).fact.id}" in store.inbox
    [letter] = store.letters.values()
    assert (letter.aggregate, letter.reason, store.states[ID]["held"]) == (ID, "not-applied", 1)
    assert "Camille" not in letter.detail
    store.unloadable = set()
    assert await engine.facts.redrive(letter)
    assert store.states[ID]["held"] == 0
    assert len(store.inbox) == 3


async def test_a_reaction_too_large_for_an_event_holds_its_aggregate_and_no_other():
    def react(state: Told, now):
        if 9 in state.heard and not state.said:
            yield said("x" * 70_000, now)

    store = Memory()
    engine = engine_of(service(react), store)
    await engine.facts.apply(groups(engine, updated(9), updated(1, case=OTHER)))
    assert store.states[ID]["held"] == 1
    assert store.states[OTHER_ID]["held"] == 0


async def test_a_route_that_fails_leaves_a_dead_letter_that_redriving_sends_everywhere():
    broken = True

    def route(fact):
        if broken:
            raise KeyError("Camille Perrin")
        return (fact.case,)

    store = Memory()
    engine = engine_of(service(route=route, children=True), store)
    await engine.facts.apply(groups(engine, updated(1)))
    [letter] = store.letters.values()
    assert "Camille" not in letter.detail
    broken = False
    assert await engine.facts.redrive(letter)
    assert {one.rsplit("/", 1)[0] for one in store.inbox} == {ID, f"notify/exhibit/x-{CASE}"}


async def test_what_could_not_be_read_is_redriven_to_every_aggregate_it_concerns():
    store = Memory()
    engine = engine_of(service(children=True), store)
    fact = updated(1)
    sick = replace(fact, fact=None, problem="unknown type")  # what an older deployment made of the same bytes
    await engine.facts.apply(groups(engine, sick))
    [letter] = store.letters.values()
    assert await engine.facts.redrive(letter)
    assert {one.rsplit("/", 1)[0] for one in store.inbox} == {ID, f"notify/exhibit/x-{CASE}"}


async def test_a_letter_that_still_cannot_be_read_stays():
    store = Memory()
    engine = engine_of(service(), store)
    await engine.facts.apply(groups(engine, unread(updated(1), specversion=b"9")))
    [letter] = store.letters.values()
    assert not await engine.facts.redrive(letter)
    assert (list(store.letters), store.states[ID]["held"]) == ([letter.id], 1)


async def test_a_letter_redriven_twice_releases_its_aggregate_from_no_other_letter():
    store = Memory()
    engine = engine_of(service(), store)
    await engine.facts.apply(groups(engine, updated(1), updated(666, 2)))
    await engine.facts.apply(groups(engine, unread(updated(3, 3), specversion=b"9")))
    assert store.states[ID]["held"] == 2
    letter = next(one for one in store.letters.values() if one.reason == "unreadable")
    healed = replace(letter, headers=updated(3, 3).headers)
    assert await engine.facts.redrive(healed)
    assert await engine.facts.redrive(healed)
    assert (store.states[ID]["held"], len(store.letters)) == (1, 1)


async def test_a_reaction_that_fails_again_at_its_redriving_is_not_said_to_be_gone():
    def react(state, now):
        raise ValueError("never")

    store = Memory()
    engine = engine_of(service(react), store)
    await engine.facts.apply(groups(engine, updated(1)))
    [letter] = store.letters.values()
    await asyncio.sleep(0.002)  # the next letter's id has another millisecond
    assert not await engine.facts.redrive(letter)
    assert store.states[ID]["held"] == len(store.letters) == 1


async def test_an_aggregate_that_conflicts_without_end_is_held(monkeypatch):
    monkeypatch.setattr("shared.runtime.facts.CONFLICTS", 3)
    store = Memory()
    engine = engine_of(service(), store)

    def conflict(writes):
        if any(loaded.id == ID for _, loaded in writes.states) and writes.inbox:
            raise Conflict

    store.before_write = conflict
    await engine.facts.apply(groups(engine, updated(1), updated(2, case=OTHER)))
    assert store.states[ID]["held"] == 1
    assert len(store.inbox) == 1


async def test_an_outage_holds_nothing():
    store = Memory()
    engine = engine_of(service(), store)

    def down(writes):
        raise StoreDown("The store does not answer.")

    answers = [down]
    store.before_write = lambda writes: answers.pop()(writes) if answers else None  # gone for one moment only
    with pytest.raises(StoreDown):
        await engine.facts.apply(groups(engine, updated(1), updated(2, case=OTHER)))
    assert not store.states
    await engine.facts.apply(groups(engine, updated(1), updated(2, case=OTHER)))
    assert (len(store.inbox), store.letters) == (2, {})


async def test_what_the_store_refuses_becomes_the_letter_of_its_fact_alone():
    store = Memory()
    engine = engine_of(service(), store)

    def refuse(writes):
        if any(one.fact.sequence == 2 for _, one in writes.inbox):
            raise StoreRefusal("store-code-99")

    store.before_write = refuse
    await engine.facts.apply(groups(engine, updated(1), updated(2, 2), updated(3, 3)))
    [letter] = store.letters.values()
    assert (letter.offset, letter.detail) == (2, "store-code-99")
    assert len(store.inbox) == 2


async def test_what_no_transaction_would_take_is_halved_before_it_is_folded(monkeypatch):
    def all_said(state: Told, now: datetime):
        if state.said < len(state.heard):
            yield said(now=now)

    store = Memory()
    engine = engine_of(service(all_said), store)
    sizes = []

    def refuse(writes):
        sizes.append(writes.size())
        if writes.size() > 30:
            raise StoreRefusal("too-many-documents")

    monkeypatch.setattr(facts, "MAX_DOCUMENTS", 30)
    store.before_write = refuse
    cases = [CASE[:-2] + f"{number:02}" for number in range(16)]
    for sequence in (1, 2):
        await engine.facts.apply(groups(engine, *(updated(sequence, sequence, case=case) for case in cases)))
    refused = [size for size in sizes if size > 30]
    assert len(refused) == 1, "only the first time is it learnt from the store"
    assert (len(store.inbox), len(store.published)) == (32, 32)


def overdue(state: Told, now: datetime):
    if state.due and state.due <= now:
        yield said("overdue", now)


def with_deadline(state: Told, fact: Recorded) -> Told:
    after = evolve(state, fact)
    match fact.event:
        case CaseUpdated(facets=facets):
            return after.model_copy(update={"due": fact.time + timedelta(milliseconds=facets.authors_at_most)})
    return after


def with_deadlines() -> Service:
    whole = service(overdue)
    return replace(whole, aggregates=(replace(whole.aggregate("case"), evolve=with_deadline),))


async def test_a_command_does_not_run_ahead_of_a_wake_that_waits_for_the_bus():
    store = Memory()
    engine = engine_of(with_deadlines(), store)
    await engine.facts.apply(groups(engine, updated(20)))
    await asyncio.sleep(0.03)  # the deadline passes
    done = await engine.commands.carry_out(Say(case=CASE))
    assert [one.event.template for one in done.events] == ["toy"]
    assert store.states[ID]["wake"] <= clock.now()
    await engine.wakes.wake(ID, clock.now() - timedelta(seconds=5))
    assert len(store.published) == 1
    await engine.wakes.wake(ID, clock.now())
    assert len(store.published) == 2


async def test_a_fact_does_not_run_ahead_of_a_wake_that_is_due():
    store = Memory()
    engine = engine_of(with_deadlines(), store)
    await engine.facts.apply(groups(engine, updated(20)))
    due = store.states[ID]["wake"]
    await asyncio.sleep(0.03)  # the deadline passes
    await engine.facts.apply(groups(engine, updated(20, 2)))
    assert (len(store.inbox), len(store.published)) == (2, 0)
    assert (store.states[ID]["pending"], store.states[ID]["wake"]) == (True, due)


async def test_a_partners_message_settled_by_another_meanwhile_is_for_later():
    engine = engine_of(service(), Memory())
    await engine.writing.record(Writes(outside={"_id": "p/m", "status": "waiting"}))
    with pytest.raises(Unavailable):
        await engine.writing.record(Writes(outside={"_id": "p/m", "status": "refused"}))


async def test_a_partition_that_catches_up_folds_and_its_wake_reacts_later():
    store = Memory()
    engine = engine_of(with_deadlines(), store)
    await engine.facts.apply(groups(engine, updated(0), live=False))
    assert (store.states[ID]["pending"], len(store.published)) == (True, 0)
    await engine.wakes.wake(ID, clock.now())
    assert (store.states[ID]["pending"], len(store.published)) == (False, 1)


async def test_a_wake_that_fails_holds_its_aggregate_and_raises_nothing():
    store = Memory()
    engine = engine_of(with_deadlines(), store)
    await engine.facts.apply(groups(engine, updated(0), live=False))
    store.unloadable = {ID}
    await engine.wakes.wake(ID, clock.now())
    assert store.states[ID]["held"] == 1
    [letter] = store.letters.values()
    assert letter.kind == "react"
    assert "Camille" not in letter.detail


async def test_a_command_whose_event_is_too_large_is_refused():
    store = Memory()
    with pytest.raises(Refused, match="more than one case can hold"):
        await engine_of(service(), store).commands.carry_out(Say(case=CASE, template="x" * 70_000))
    assert not store.states


async def test_an_attempt_that_cannot_even_fail_leaves_one_letter_however_often_it_is_said():
    store = Memory()
    engine = engine_of(service(), store)
    store.jobs[f"{ID}:mail:n"] = {"attempt": 1}
    attempt = Attempt(f"{ID}:mail:n", ID, CASE, "mail", "n", {}, 1)
    await engine.commands.give_up(attempt, "refused")
    assert await engine.commands.held(ID, CASE)
    assert store.states[ID]["held"] == len(store.letters) == 1
    assert not store.jobs


async def test_a_cancelled_command_that_was_stored_counts_in_its_epoch():
    store = Memory()
    engine = engine_of(service(), store)
    task = asyncio.ensure_future(engine.commands.carry_out(Say(case=CASE)))
    store.before_write = lambda _writes: task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(store.published) == 1
    checkpoint = await engine.writing.epochs.close(final=True)
    assert checkpoint.count == 1


async def test_an_epoch_with_a_commit_of_unknown_outcome_gets_no_checkpoint():
    store = Memory()
    engine = engine_of(service(), store)

    def lost(writes):
        raise CommitUnknown("The store stopped answering.")

    store.after_write = lost
    with pytest.raises(CommitUnknown):
        await engine.commands.carry_out(Say(case=CASE))
    store.after_write = lambda _writes: None
    await engine.checkpoints.say(final=True)
    [said_] = [one for one in store.published.values() if one.topic == "checkpoint"]
    assert b'"number":2' in said_.body
    assert b'"count":0' in said_.body


async def test_a_checkpoint_that_could_not_be_stored_is_stored_with_the_same_bytes_later():
    store, publisher = Memory(), Silent()
    engine = engine_of(service(), store, publisher)
    await engine.commands.carry_out(Say(case=CASE))

    def down(writes):
        raise StoreDown("The store does not answer.")

    store.before_write = down
    with pytest.raises(StoreDown):
        await engine.checkpoints.say()
    store.before_write = lambda _writes: None
    first = await engine.checkpoints.say()
    assert b'"number":1' in first.body
    last = await engine.checkpoints.say(final=True)
    assert b'"number":2' in last.body


async def test_a_checkpoint_stored_by_a_commit_whose_answer_was_lost_is_not_made_again():
    store = Memory()
    engine = engine_of(service(), store)
    await engine.commands.carry_out(Say(case=CASE))

    def lost(writes):
        raise CommitUnknown("The store stopped answering.")

    store.after_write = lost
    with pytest.raises(CommitUnknown):
        await engine.checkpoints.say()
    store.after_write = lambda _writes: None
    message = await engine.checkpoints.say()
    assert message in store.published.values()
    assert len(store.published) == 2


async def test_jobs_of_a_reaction_are_kept_once():
    def react(state: Told, now):
        if state.heard:
            yield Job(kind="mail", subject="n")

    store = Memory()
    engine = engine_of(service(react), store)
    await engine.facts.apply(groups(engine, updated(1)))
    await engine.facts.apply(groups(engine, updated(2, 2)))
    assert list(store.jobs) == [f"{ID}:mail:n"]
    assert engine.writing.work.is_set()


def test_an_exception_is_told_without_its_message():
    try:
        raise ValueError("Camille Perrin")
    except ValueError as error:
        told = where(error)
    assert "ValueError" in told
    assert "Camille" not in told


def test_conflicts_are_outlasted_for_longer_than_a_killed_process_keeps_its_locks():
    """An abandoned transaction's locks live about a minute: half of the longest pauses, on average, must exceed it."""
    pauses = [min(0.05 * 2**number, LONGEST_PAUSE) for number in range(CONFLICTS)]
    assert sum(pauses) / 2 > 60
