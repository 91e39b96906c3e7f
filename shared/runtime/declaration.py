"""What a service declares: its aggregates as pure functions, what it publishes, follows and accepts, its workers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings

from shared.contracts.event import Event, Id
from shared.contracts.partners import PartnerMessage


class State(BaseModel):
    """A cache of the fold of an aggregate's facts; frozen, JSON-serialisable, at most 1 MB."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Command(BaseModel):
    """An intent that may be refused. It arrives sealed, with every id and secret drawn at the edge.

    ``aggregate`` names the aggregate that decides it and ``key`` which one of them (the case id unless overridden).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aggregate: ClassVar[str]

    case: Id

    @property
    def key(self) -> str:
        return self.case


class Job(BaseModel):
    """I/O to be done. Its identity is (aggregate, kind, subject): asked twice, it is done once.

    ``payload`` is JSON and stays in the service's own store; personal data in it is sealed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    payload: dict[str, Any] = {}
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact as it was recorded: the event and where it stands.

    ``source`` is the service that published it, ``case`` the subject, ``time`` aware UTC in milliseconds.
    """

    id: str
    source: str
    aggregate: str
    sequence: int
    time: datetime
    case: str
    event: Event
    causation: str = ""
    correlation: str = ""
    traceparent: str = ""

    @property
    def name(self) -> str:
        return self.event.name


Decision: TypeAlias = Iterable[Event | Job]
Decide: TypeAlias = Callable[..., Decision]
"""``decide(state, command, now)``, or ``decide(state, command, now, parent)`` for an aggregate with a parent."""


def quiet(_state: Any, _now: datetime) -> Decision:
    """A ``react`` that has nothing to say."""
    return ()


def asleep(_state: Any) -> datetime | None:
    """A ``wake`` that never asks again."""
    return None


def by_case(fact: Recorded) -> Iterable[str]:
    """The route of an aggregate that exists once per case."""
    return (fact.case,)


def nowhere(_fact: Recorded) -> Iterable[str]:
    """The route of an aggregate that follows nothing: it lives by commands alone."""
    return ()


def unreferenced(_state: Any) -> Iterable[str]:
    """The references of an aggregate that is found by its key alone."""
    return ()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The unit that is consistent: four pure functions over one state.

    ``fold`` is the version of ``evolve`` and of the state's shape: raise it on any change of either, and each state is
    refolded from inbox and events when next loaded. ``route`` gives the keys that a followed fact concerns.
    ``references`` gives the strings, unique in the whole service, by which the aggregate is found from outside.
    ``per_case`` is false for the rare aggregate that spans cases (a register of numbers).
    ``parent`` names another aggregate of the service, keyed by the case, that ``decide`` reads; a decision that
    creates the child touches it, so that it conflicts with erasure and closing.
    """

    name: str
    state: type[State]
    decide: Decide
    evolve: Callable[[Any, Recorded], Any]
    react: Callable[[Any, datetime], Decision] = quiet
    wake: Callable[[Any], datetime | None] = asleep
    route: Callable[[Recorded], Iterable[str]] = by_case
    fold: int = 1
    parent: str | None = None
    per_case: bool = True
    references: Callable[[Any], Iterable[str]] = unreferenced

    def id(self, service: str, key: str) -> str:
        return f"{service}/{self.name}/{key}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claimed job as its worker sees it. ``id`` never changes and may serve as a provider's idempotency key."""

    id: str
    aggregate: str
    case: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    number: int
    traceparent: str = ""


class Postponed(Exception):
    """Raised by a worker: not yet. The job becomes due at ``until`` (aware UTC) and no attempt is counted."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"not before {until.isoformat()}")
        self.until = until


class Impossible(Exception):
    """Raised by a worker: no attempt can ever succeed. ``reason`` (kebab-case) goes to ``given_up`` at once."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Policy: TypeAlias = Literal["idempotent", "at-least-once", "ask-first"]
Result: TypeAlias = Sequence[Command]


@dataclass(frozen=True, slots=True)
class Worker:
    """Who does a kind of job.

    ``run(attempt, running)`` does the I/O outside any transaction and returns the commands that its result is, at least
    one; they are carried out in order and the last one settles the job. ``given_up(attempt, reason)`` gives
    the command of the final failure after ``attempts``. ``policy`` says what a double costs: ``idempotent`` (the job
    id is the provider's key), ``at-least-once`` (a double shows as one), ``ask-first`` (run asks the provider).
    """

    kind: str
    run: Callable[[Attempt, Any], Awaitable[Result]]
    given_up: Callable[[Attempt, str], Command]
    policy: Policy
    attempts: int = 20
    lease: timedelta = timedelta(seconds=60)
    backoff: timedelta = timedelta(seconds=1)
    backoff_limit: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A verified partner message that becomes a command.

    ``command(message, case, now)``; ``confirmed`` ones wait until staff say so.
    """

    message: type[PartnerMessage]
    command: Callable[[Any, str, datetime], Command]
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Lasting:
    """What facts did outside the store, and what a backup of that place undoes when it is restored.

    ``place``: the keyring, or the service's own bucket. ``facts``: types that the service publishes or follows.
    ``again(fact, running)`` looks, does it again where it is undone, and names what it found, for log and metric; empty
    when all was as it has to be. It is called for each fact once, and for all since the backup after a restore.
    ``before_serving``: the service serves nobody before that was done.
    """

    place: Literal["keyring", "objects"]
    facts: tuple[type[Event], ...]
    again: Callable[[Recorded, Any], Awaitable[str]]
    before_serving: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """The whole declaration of one service.

    ``tools`` makes what workers and routes need (clients, settings) inside the process; ``routes`` the web application
    parts; ``settings`` what it reads from the environment beside ``shared.settings``; ``unreadable`` the aggregate that
    is held when a message of its case cannot be read at all; ``lasting`` what stays done in keyring and bucket.
    """

    name: str
    aggregates: tuple[Aggregate, ...]
    publishes: tuple[type[Event], ...]
    follows: tuple[type[Event], ...]
    accepts: tuple[Acceptance, ...] = ()
    workers: tuple[Worker, ...] = ()
    lasting: tuple[Lasting, ...] = ()
    unreadable: str = "case"
    tools: Callable[..., Any] | None = None
    routes: Callable[..., Any] | None = None
    settings: tuple[type[BaseSettings], ...] = ()
    _by_name: dict[str, Aggregate] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({aggregate.name: aggregate for aggregate in self.aggregates})
        for event in self.publishes:
            if event.owner not in {self.name, None}:
                raise ValueError(f"{self.name} may not publish {event.name}: {event.owner} owns it.")
        if self.unreadable not in self._by_name:
            raise ValueError(f"{self.name} has no aggregate named {self.unreadable!r} to hold unreadable messages.")

    def aggregate(self, name: str) -> Aggregate:
        return self._by_name[name]

    def aggregate_of(self, aggregate_id: str) -> Aggregate:
        """The declaration behind an id ``<service>/<aggregate>/<key>``."""
        return self._by_name[aggregate_id.split("/", 2)[1]]

    def worker(self, kind: str) -> Worker:
        return next(worker for worker in self.workers if worker.kind == kind)


def key_of(aggregate_id: str) -> str:
    """The key in an id ``<service>/<aggregate>/<key>``."""
    return aggregate_id.split("/", 2)[2]
