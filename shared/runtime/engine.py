"""Facts, commands and wakes to one transaction each: fold, react, write, publish."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import structlog

from shared.clock import now
from shared.contracts.envelope import Message
from shared.errors import Held, NotFound, Refused, Unavailable
from shared.ids import event_id
from shared.runtime.answers import Answer
from shared.runtime.checkpoints import Epochs
from shared.runtime.declaration import Aggregate, Attempt, Command, Recorded, Service
from shared.runtime.documents import DeadLetter, Document, Publication, Writes
from shared.runtime.folding import Loaded, Outcome, absorb, carry_out, settle
from shared.runtime.locks import Locks
from shared.runtime.messages import Arrival, Signer, reread, to_message
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.store import Conflict, Store, StoreRefusal
from shared.trust.signing import KeySet

log = structlog.get_logger()
COMMAND_TRIES = 12


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: the events it emitted (reactions included) and the state after them."""

    events: tuple[Recorded, ...]
    state: Any


@dataclass(slots=True)
class Group:
    """The arrivals of one aggregate in a batch; ``live`` is false while its partition is catching up."""

    declared: Aggregate
    case: str
    arrivals: list[Arrival] = field(default_factory=list)
    live: bool = True
    redriven: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Plan:
    """What one aggregate adds to a transaction."""

    outcome: Outcome
    before: Loaded
    inbox: list[tuple[str, Arrival]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)

    def changes(self) -> bool:
        written = self.inbox or self.dead_letters or self.redriven or self.outcome.events or self.outcome.jobs
        return bool(written) or self.outcome.loaded != self.before


def where(error: BaseException) -> str:
    """An exception as type and code line, without its message, which may hold personal data."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{type(error).__name__} at {', '.join(f'{one.name}:{one.lineno}' for one in last)}"


class Engine:
    """The write path of one service in one process."""

    def __init__(
        self,
        service: Service,
        store: Store,
        publisher: Publisher,
        signer: Signer,
        keys: Callable[[], KeySet],
        epochs: Epochs,
        metrics: Metrics,
    ) -> None:
        self.service = service
        self.store = store
        self.publisher = publisher
        self.epochs = epochs
        self.metrics = metrics
        self._signer = signer
        self._keys = keys
        self._locks = Locks()
        self.work = asyncio.Event()
        """Set when a transaction left jobs to do."""

    # ---- followed facts

    async def apply(self, groups: Mapping[str, Group]) -> list[tuple[str, list[Message]]]:
        """Fold the groups in as few transactions as conflicts allow; gives what is to be published.

        Whole-batch retries livelock on a hot case (measured), so a conflict halves the batch by aggregate, down to
        one. What the store refuses is halved down to one fact, which becomes a dead letter.

        Raises:
            StoreDown: nothing of the failing part was written; the whole batch may be given again.
        """
        async with self._locks.hold(groups):
            try:
                return [await self._apply_once(groups)]
            except Conflict:
                self.metrics.conflicts.inc()
                await asyncio.sleep(random.uniform(0.002, 0.05))  # noqa: S311 - jitter
                parts = _by_aggregate(groups)
            except StoreRefusal as refusal:
                parts = _halves(groups)
                if len(parts) == 1:
                    return [await self._hold(groups, str(refusal))]
        return [published for part in parts for published in await self.apply(part)]

    async def _apply_once(self, groups: Mapping[str, Group]) -> tuple[str, list[Message]]:
        with self.metrics.fold.time():
            loaded = await self.store.load({one: (group.declared, group.case) for one, group in groups.items()})
            known = await self.store.known(
                [f"{one}/{a.fact.id}" for one, group in groups.items() for a in group.arrivals if a.fact]
            )
            letters = await self.store.letters_of([one.id for one in loaded.values() if one.held])
            plans = {one: self._plan(one, group, loaded[one], known | letters) for one, group in groups.items()}
        async with self.epochs.entered() as entry:
            writes = Writes()
            for one, plan in plans.items():
                group = groups[one]
                if not plan.changes():
                    continue
                writes.states.append((group.declared, plan.outcome.loaded))
                writes.inbox.extend(plan.inbox)
                writes.dead_letters.extend(plan.dead_letters)
                writes.redriven.extend(plan.redriven)
                self._add(writes, plan.outcome, entry.epoch)
            if not writes.states:
                return "", []
            outbox = await self._write(writes)
            entry.stored(writes.publications)
        for _, arrival in writes.inbox:
            self.metrics.facts.labels(arrival.topic).inc()
        return outbox or "", [one.message for one in writes.publications]

    def _plan(self, aggregate_id: str, group: Group, before: Loaded, known: set[str]) -> _Plan:
        plan = _Plan(Outcome(before), before)
        loaded = before
        seen: set[str] = set()
        for arrival in group.arrivals:
            if arrival.fact is None:
                plan.dead_letters.append(_letter(aggregate_id, group, arrival, "unreadable", arrival.problem))
                continue
            inbox_id = f"{aggregate_id}/{arrival.fact.id}"
            if inbox_id in known or inbox_id in seen:
                continue
            seen.add(inbox_id)
            try:
                loaded = absorb(group.declared, loaded, [arrival.fact])
            except Exception as error:  # a pure function that fails holds its aggregate, whatever it raised
                plan.dead_letters.append(_letter(aggregate_id, group, arrival, "fold-failed", where(error)))
                continue
            plan.inbox.append((aggregate_id, arrival))
        again = {one.id for one in plan.dead_letters}
        plan.redriven = [one for one in group.redriven if one not in again]
        plan.dead_letters = [one for one in plan.dead_letters if one.id not in known]
        loaded = replace(loaded, held=loaded.held + len(plan.dead_letters) - len(plan.redriven))
        moment = now()
        if loaded.held or not (plan.inbox or plan.redriven):
            plan.outcome = Outcome(replace(loaded, pending=loaded.pending or bool(plan.inbox)))
        elif not group.live:
            plan.outcome = Outcome(replace(loaded, pending=True, wake=moment))
        else:
            cause = plan.inbox[-1][1].fact if plan.inbox else None
            plan.outcome = self._settled(
                group, loaded, moment, plan, cause=cause.id if cause else "redrive", correlation=_correlation(cause)
            )
        return plan

    def _settled(
        self, group: Group, loaded: Loaded, moment: datetime, plan: _Plan, *, cause: str, correlation: str
    ) -> Outcome:
        try:
            return settle(group.declared, self.service.name, loaded, moment, cause=cause, correlation=correlation)
        except Exception as error:
            plan.dead_letters.append(_own_letter(loaded, "react", where(error), moment))
            return Outcome(replace(loaded, held=loaded.held + 1, pending=True))

    async def _hold(self, groups: Mapping[str, Group], reason: str) -> tuple[str, list[Message]]:
        """Keep what the store refuses as dead letters, so that the others go on."""
        [(aggregate_id, group)] = groups.items()
        loaded = (await self.store.load({aggregate_id: (group.declared, group.case)}))[aggregate_id]
        known = await self.store.letters_of([aggregate_id])
        letters = [_letter(aggregate_id, group, one, "store-refused", reason) for one in group.arrivals]
        letters = [one for one in letters if one.id not in known]
        writes = Writes(dead_letters=letters)
        writes.states.append((group.declared, replace(loaded, held=loaded.held + len(letters))))
        await self._write(writes)
        return "", []

    async def redrive(self, letter: DeadLetter) -> bool:
        """Send a dead letter through the ordinary path again; whether it is gone now. Raises StoreDown."""
        declared = self.service.aggregate_of(letter.aggregate)
        arrivals = [reread(_arrival(letter), self._keys())] if letter.kind == "fact" else []
        group = Group(declared, letter.case, arrivals, redriven=[letter.id])
        for outbox, messages in await self.apply({letter.aggregate: group}):
            if outbox:
                await self.publisher.publish(outbox, messages)
        return letter.id not in await self.store.letters_of([letter.aggregate])

    async def give_up(self, attempt: Attempt, detail: str) -> None:
        """Hold the aggregate of a job whose result and failure were both refused. Raises StoreDown, Fenced."""
        declared = self.service.aggregate_of(attempt.aggregate)
        async with self._locks.hold([attempt.aggregate]):
            loaded = (await self.store.load({attempt.aggregate: (declared, attempt.case)}))[attempt.aggregate]
            letter = _own_letter(loaded, "job", f"{attempt.kind}: {detail}", now())
            writes = Writes(dead_letters=[letter], settled=[(attempt.id, attempt.number)])
            writes.states.append((declared, replace(loaded, held=loaded.held + 1)))
            await self._write(writes)

    # ---- wakes

    async def wake(self, aggregate_id: str) -> None:
        """Ask ``react`` again. Conflicts leave it for the next round. Raises StoreDown."""
        declared = self.service.aggregate_of(aggregate_id)
        async with self._locks.hold([aggregate_id]):
            before = (await self.store.load({aggregate_id: (declared, "")}))[aggregate_id]
            moment = now()
            if before.held or before.wake is None or before.wake > moment:
                return
            if not before.pending and (moment - before.wake).total_seconds() > 60:
                self.metrics.late_wakes.inc()
            group = Group(declared, before.case)
            plan = _Plan(Outcome(before), before)
            plan.outcome = self._settled(
                group, before, moment, plan, cause=f"wake:{before.wake.isoformat()}", correlation=""
            )
            async with self.epochs.entered() as entry:
                writes = Writes(states=[(declared, plan.outcome.loaded)], dead_letters=plan.dead_letters)
                self._add(writes, plan.outcome, entry.epoch)
                try:
                    outbox = await self._write(writes)
                except Conflict:
                    return
                entry.stored(writes.publications)
            self.publisher.publish_soon(outbox, [one.message for one in writes.publications])

    # ---- commands

    async def carry_out(
        self,
        command: Command,
        *,
        cause: str = "",
        correlation: str = "",
        job: Attempt | None = None,
        answer: Answer | None = None,
        outside: Document | None = None,
    ) -> Done:
        """Decide a command in one transaction with what it settles and answers.

        Raises:
            Refused, NotFound: the domain says no; nothing was written.
            Held: the aggregate waits for an operator. Unavailable: the store does not answer or is too contended.
            Fenced: the job belongs to another attempt now.
        """
        declared = self.service.aggregate(command.aggregate)
        aggregate_id = declared.id(self.service.name, command.key)
        parent = self.service.aggregate(declared.parent) if declared.parent else None
        parent_id = parent.id(self.service.name, command.case) if parent else ""
        wanted = {aggregate_id: (declared, command.case)}
        if parent:
            wanted[parent_id] = (parent, command.case)
        for _ in range(COMMAND_TRIES):
            pause = 0.0
            async with self._locks.hold(wanted):
                loaded = await self.store.load(wanted)
                if any(one.held for one in loaded.values()):
                    self.metrics.commands.labels("held").inc()
                    raise Held("This waits for an operator of the service; nothing is lost. Try again later.")
                before = loaded[aggregate_id]
                outcome = self._decided(
                    declared, before, command, loaded.get(parent_id), cause=cause, correlation=correlation
                )
                if outcome.loaded == before and not outcome.jobs and not (job or answer or outside):
                    return Done((), before.state)
                async with self.epochs.entered() as entry:
                    writes = Writes(answer=answer, outside=outside)
                    if outcome.loaded != before:
                        writes.states.append((declared, outcome.loaded))
                    if job:
                        writes.settled.append((job.id, job.number))
                    if parent_id and before.revision == 0:
                        writes.touched.append((parent_id, loaded[parent_id].revision))
                    self._add(writes, outcome, entry.epoch)
                    try:
                        outbox = await self._write(writes)
                    except Conflict:
                        self.metrics.conflicts.inc()
                        pause = random.uniform(0.002, 0.05)  # noqa: S311 - jitter
                    except StoreRefusal as refusal:
                        raise Refused(
                            "too-large", "This is more than one case can hold; send less of it at once."
                        ) from refusal
                    else:
                        entry.stored(writes.publications)
            if not pause:
                self.publisher.publish_soon(outbox, [one.message for one in writes.publications])
                self.metrics.commands.labels("done").inc()
                return Done(outcome.events, outcome.loaded.state)
            await asyncio.sleep(pause)
        raise Unavailable("Many things happen on this case right now; try again in a moment.", retry_after=1)

    def _decided(
        self,
        declared: Aggregate,
        before: Loaded,
        command: Command,
        parent: Loaded | None,
        *,
        cause: str,
        correlation: str,
    ) -> Outcome:
        try:
            return carry_out(
                declared,
                self.service.name,
                before,
                command,
                now(),
                parent=parent.state if parent else None,
                cause=cause or f"command:{type(command).__name__}",
                correlation=correlation,
            )
        except (Refused, NotFound):
            self.metrics.commands.labels("refused").inc()
            raise
        except Exception:
            self.metrics.commands.labels("failed").inc()
            raise

    # ---- what is neither

    async def record(self, writes: Writes) -> None:
        """Write what concerns no aggregate: a partner's message and the answer to it. Raises StoreDown."""
        self.publisher.publish_soon(await self._write(writes), writes.messages)

    async def checkpoint(self, *, final: bool = False) -> Message | None:
        """End the epoch and store its checkpoint; gives its message, None when there was nothing. Raises StoreDown."""
        checkpoint = await self.epochs.close(final=final)
        if checkpoint is None:
            return None
        recorded = Recorded(
            id=event_id(f"{self.service.name}/writer/{checkpoint.writer}", checkpoint.number),
            source=self.service.name,
            aggregate=f"{self.service.name}/writer/{checkpoint.writer}",
            sequence=checkpoint.number,
            time=now(),
            case=checkpoint.writer,
            event=checkpoint,
            causation="checkpoint",
            correlation="checkpoint",
        )
        publication = Publication(recorded, to_message(recorded, self._signer, epoch=""), "")
        outbox = await self._write(Writes(publications=[publication]))
        self.epochs.chained(publication.message)
        self.publisher.publish_soon(outbox, [publication.message])
        return publication.message

    # ---- both

    def _add(self, writes: Writes, outcome: Outcome, epoch: str) -> None:
        writes.publications.extend(
            Publication(one, to_message(one, self._signer, epoch=epoch), epoch) for one in outcome.events
        )
        writes.jobs.extend((outcome.loaded, job) for job in outcome.jobs)

    async def _write(self, writes: Writes) -> str | None:
        with self.metrics.transaction.time():
            outbox = await self.store.write(writes, now=now())
        for one in writes.publications:
            self.metrics.events.labels(one.message.topic).inc()
        if writes.jobs:
            self.work.set()
        return outbox


def _by_aggregate(groups: Mapping[str, Group]) -> list[dict[str, Group]]:
    """The batch in two halves by aggregate; itself when it has only one."""
    ids = sorted(groups)
    if len(ids) == 1:
        return [dict(groups)]
    middle = len(ids) // 2
    return [{one: groups[one] for one in half} for half in (ids[:middle], ids[middle:])]


def _halves(groups: Mapping[str, Group]) -> list[dict[str, Group]]:
    """The batch in two halves, by aggregate or by the facts of its only one; itself when it is a single fact."""
    [(one, group), *others] = sorted(groups.items())
    if others or len(group.arrivals) < 2:
        return _by_aggregate(groups)
    middle = len(group.arrivals) // 2
    first, second = group.arrivals[:middle], group.arrivals[middle:]
    return [{one: replace(group, arrivals=first)}, {one: replace(group, arrivals=second, redriven=[])}]


def _correlation(fact: Recorded | None) -> str:
    return (fact.correlation or fact.id) if fact else ""


def _letter(aggregate_id: str, group: Group, arrival: Arrival, reason: str, detail: str) -> DeadLetter:
    return DeadLetter(
        id=f"{aggregate_id}/{arrival.topic}/{arrival.partition}/{arrival.offset}",
        kind="fact",
        reason=reason,
        detail=detail,
        aggregate=aggregate_id,
        case=group.case,
        time=now(),
        topic=arrival.topic,
        partition=arrival.partition,
        offset=arrival.offset,
        key=arrival.key,
        headers=arrival.headers,
        body=arrival.body,
    )


def _own_letter(loaded: Loaded, kind: Literal["react", "job"], detail: str, moment: datetime) -> DeadLetter:
    return DeadLetter(
        id=f"{loaded.id}/{kind}/{moment.isoformat()}",
        kind=kind,
        reason=f"{kind}-failed",
        detail=detail,
        aggregate=loaded.id,
        case=loaded.case,
        time=moment,
    )


def _arrival(letter: DeadLetter) -> Arrival:
    return Arrival(letter.topic, letter.partition, letter.offset, letter.key, letter.headers, letter.body)
