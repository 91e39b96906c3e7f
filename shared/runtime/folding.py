"""The pure heart: facts and commands in, events and jobs out. No clock, no I/O, no randomness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.contracts.event import Event
from shared.errors import BrokenContract
from shared.ids import event_id
from shared.runtime.declaration import Aggregate, Command, Job, Recorded, State

MAX_ROUNDS = 8


class Restless(Exception):
    """``react`` still had something to say after eight rounds: the aggregate must be held."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An aggregate in memory: its state and what the store knows beside it.

    ``revision`` 0 means that it is not stored yet. ``pending``: facts were folded while the service was catching up
    and ``react`` has not seen them. ``held``: dead letters of it that an operator must redrive first.
    """

    id: str
    case: str
    state: Any
    sequence: int = 0
    revision: int = 0
    wake: datetime | None = None
    pending: bool = False
    held: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What folding gave: the aggregate as it will be, the events it emitted, the jobs it asked for."""

    loaded: Loaded
    events: tuple[Recorded, ...] = ()
    jobs: tuple[Job, ...] = ()


def is_due(loaded: Loaded, moment: datetime) -> bool:
    """Whether its wake has come."""
    return loaded.wake is not None and loaded.wake <= moment


def blank(aggregate: Aggregate, aggregate_id: str, case: str) -> Loaded:
    """An aggregate of which nothing is known yet."""
    return Loaded(aggregate_id, case, aggregate.state())


def absorb(aggregate: Aggregate, loaded: Loaded, facts: Iterable[Recorded]) -> Loaded:
    """Fold followed facts; their order does not matter."""
    state: State = loaded.state
    for fact in facts:
        state = aggregate.evolve(state, fact)
    return replace(loaded, state=state)


def refold(aggregate: Aggregate, loaded: Loaded, followed: Iterable[Recorded], own: Sequence[Recorded]) -> Loaded:
    """The state made again from nothing: followed facts in any order, own events in sequence order.

    Raises:
        BrokenContract: an own event is missing.
    """
    fresh = absorb(aggregate, blank(aggregate, loaded.id, loaded.case), followed)
    for event in own:
        if event.sequence != fresh.sequence + 1:
            raise BrokenContract(f"The store lacks event {fresh.sequence + 1} of a {aggregate.name}.")
        fresh = replace(fresh, state=aggregate.evolve(fresh.state, event), sequence=event.sequence)
    return replace(fresh, revision=loaded.revision, pending=loaded.pending, held=loaded.held, wake=loaded.wake)


def settle(
    aggregate: Aggregate, service: str, loaded: Loaded, now: datetime, *, cause: str, correlation: str
) -> Outcome:
    """Ask ``react`` until it is quiet, then ``wake``.

    A wake in the past is none while a job is asked for: the job's result is what comes next.

    Raises:
        Restless: it did not become quiet within eight rounds, or wants to be woken in the past with nothing asked.
    """
    outcome = Outcome(replace(loaded, pending=False))
    asked: set[tuple[str, str]] = set()
    for _ in range(MAX_ROUNDS):
        said = [
            one
            for one in aggregate.react(outcome.loaded.state, now)
            if not (isinstance(one, Job) and (one.kind, one.subject) in asked)
        ]
        if not said:
            break
        asked |= {(one.kind, one.subject) for one in said if isinstance(one, Job)}
        outcome = _emit(aggregate, service, outcome, said, now, case=loaded.case, cause=cause, correlation=correlation)
    else:
        raise Restless(f"{loaded.id.split('/')[1]} did not become quiet in {MAX_ROUNDS} rounds")
    wake = aggregate.wake(outcome.loaded.state)
    if wake is not None and wake <= now and asked:
        wake = None
    if wake is not None and wake <= now:
        raise Restless(f"{loaded.id.split('/')[1]} wants to be woken in the past")
    return replace(outcome, loaded=replace(outcome.loaded, wake=wake))


def carry_out(
    aggregate: Aggregate,
    service: str,
    loaded: Loaded,
    command: Command,
    now: datetime,
    *,
    parent: Any = None,
    cause: str,
    correlation: str,
) -> Outcome:
    """Decide a command, then settle (unless facts wait for catch-up). Raises what ``decide`` raises, and Restless."""
    arguments = (loaded.state, command, now) if aggregate.parent is None else (loaded.state, command, now, parent)
    outcome = _emit(
        aggregate,
        service,
        Outcome(loaded),
        aggregate.decide(*arguments),
        now,
        case=command.case,
        cause=cause,
        correlation=correlation,
    )
    if loaded.pending:
        return outcome
    settled = settle(aggregate, service, outcome.loaded, now, cause=cause, correlation=correlation)
    return replace(settled, events=(*outcome.events, *settled.events), jobs=(*outcome.jobs, *settled.jobs))


def _emit(
    aggregate: Aggregate,
    service: str,
    outcome: Outcome,
    said: Iterable[Event | Job],
    now: datetime,
    *,
    case: str,
    cause: str,
    correlation: str,
) -> Outcome:
    loaded, events, jobs = outcome.loaded, list(outcome.events), list(outcome.jobs)
    for one in said:
        if isinstance(one, Job):
            jobs.append(one)
            continue
        sequence = loaded.sequence + 1
        recorded = Recorded(
            id=event_id(loaded.id, sequence),
            source=service,
            aggregate=loaded.id,
            sequence=sequence,
            time=now,
            case=case,
            event=one,
            causation=cause,
            correlation=correlation or cause,
        )
        loaded = replace(loaded, state=aggregate.evolve(loaded.state, recorded), sequence=sequence)
        events.append(recorded)
    return Outcome(loaded, tuple(events), tuple(jobs))
