"""Facts, commands and wakes to one transaction each: fold, react, write, publish."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from shared import trace
from shared.clock import now
from shared.contracts.envelope import Message
from shared.errors import BrokenContract, Held, NotFound, Refused, Unavailable
from shared.ids import event_id
from shared.runtime.answers import Answer
from shared.runtime.batches import Group, Plan, by_aggregate, halves
from shared.runtime.checkpoints import Entry, Epochs
from shared.runtime.declaration import Aggregate, Attempt, Command, Recorded, Service, key_of
from shared.runtime.documents import DeadLetter, Document, Publication, Writes
from shared.runtime.folding import Loaded, Outcome, absorb, carry_out, settle
from shared.runtime.letters import arrival_in, letter_of, letter_of_fact, reason_of, where
from shared.runtime.locks import Locks
from shared.runtime.messages import Arrival, Signer, reread, to_message
from shared.runtime.metrics import Metrics
from shared.runtime.publisher import Publisher
from shared.runtime.store import Store
from shared.runtime.transactions import CommitUnknown, Conflict, StoreRefusal
from shared.runtime.unbroken import unbroken
from shared.trust.signing import KeySet

log = structlog.get_logger()
COMMAND_TRIES = 12
CONFLICTS = 50
"""So often an aggregate on its own is tried again; then something is wrong with it, and it is held.

The pauses between add up to more than the minute for which a store may keep the locks of a process that was killed.
"""
LONGEST_PAUSE = 4.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: the events it emitted (reactions included) and the state after them."""

    events: tuple[Recorded, ...]
    state: Any


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
        self._unsaid: Publication | None = None
        self.work = asyncio.Event()
        """Set when a transaction left jobs to do."""

    # ---- followed facts

    async def apply(self, groups: Mapping[str, Group]) -> list[tuple[str, list[Message]]]:
        """Fold the groups in as few transactions as conflicts allow; gives what is to be published.

        Whole-batch retries livelock on a hot case (measured), so a conflict halves the batch by aggregate, down to
        one. What fails otherwise is halved down to one fact, which becomes a dead letter.

        Raises:
            StoreDown: nothing of the failing part was written; the whole batch may be given again.
        """
        for number in range(CONFLICTS if len(groups) == 1 else 1):
            try:
                async with self._locks.hold(groups):
                    return [await self._apply_once(groups)]
            except Conflict:
                self.metrics.conflicts.inc()
                longest = min(0.05 * 2**number, LONGEST_PAUSE)
                await asyncio.sleep(random.uniform(0.002, longest))  # noqa: S311 - jitter
                parts, reason = by_aggregate(groups), "conflicts-without-end"
            except Unavailable:
                raise
            except Exception as error:  # whatever one aggregate or fact does, the others go on
                parts, reason = halves(groups), reason_of(error)
                break
        if len(parts) == 1:
            await self._hold(groups, reason)
            return []
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
                cause = plan.cause
                self._add(writes, plan.outcome, entry.epoch, trace.child_of(cause.traceparent if cause else ""))
            if not writes.states:
                return "", []
            outbox = await self._write(writes, entry)
        for _, arrival in writes.inbox:
            self.metrics.facts.labels(arrival.topic).inc()
        return outbox or "", [one.message for one in writes.publications]

    def _plan(self, aggregate_id: str, group: Group, before: Loaded, known: set[str]) -> Plan:
        plan = Plan(Outcome(before), before)
        loaded = before
        seen: set[str] = set()
        for arrival in group.arrivals:
            if arrival.fact is None:
                plan.dead_letters.append(
                    letter_of_fact(aggregate_id, group.case, arrival, "unreadable", arrival.problem)
                )
                continue
            inbox_id = f"{aggregate_id}/{arrival.fact.id}"
            if inbox_id in known or inbox_id in seen:
                continue
            seen.add(inbox_id)
            try:
                loaded = absorb(group.declared, loaded, [arrival.fact])
            except Exception as error:  # a pure function that fails holds its aggregate, whatever it raised
                plan.dead_letters.append(letter_of_fact(aggregate_id, group.case, arrival, "fold-failed", where(error)))
                continue
            plan.inbox.append((aggregate_id, arrival))
        again = {one.id for one in plan.dead_letters}
        plan.redriven = [one for one in group.redriven if one not in again and one in known]
        plan.dead_letters = [one for one in plan.dead_letters if one.id not in known]
        loaded = replace(loaded, held=loaded.held + len(plan.dead_letters) - len(plan.redriven))
        moment = now()
        if loaded.held or not (plan.inbox or plan.redriven):
            plan.outcome = Outcome(replace(loaded, pending=loaded.pending or bool(plan.inbox)))
        elif not group.live or _due(loaded, moment):
            earliest = min(moment, loaded.wake or moment)
            plan.outcome = Outcome(replace(loaded, pending=True, wake=earliest))
        else:
            cause = plan.cause
            plan.outcome = self._settled(
                group, loaded, moment, plan, cause=cause.id if cause else "redrive", correlation=_correlation(cause)
            )
        return plan

    def _settled(
        self, group: Group, loaded: Loaded, moment: datetime, plan: Plan, *, cause: str, correlation: str
    ) -> Outcome:
        try:
            return settle(group.declared, self.service.name, loaded, moment, cause=cause, correlation=correlation)
        except Exception as error:
            plan.dead_letters.append(letter_of(loaded, "react", where(error), moment))
            return Outcome(replace(loaded, held=loaded.held + 1, pending=True))

    async def _hold(self, groups: Mapping[str, Group], reason: str) -> None:
        """Keep as dead letters what can neither be folded nor stored, so that the others go on."""
        [(aggregate_id, group)] = groups.items()
        async with self._locks.hold(groups):
            known = await self.store.letters_of([aggregate_id])
            letters = [letter_of_fact(aggregate_id, group.case, one, "not-applied", reason) for one in group.arrivals]
            await self._add_letters(aggregate_id, group, [one for one in letters if one.id not in known])

    async def _add_letters(self, aggregate_id: str, group: Group, letters: list[DeadLetter]) -> None:
        """Hold an aggregate whose state may be one that can be neither read nor written."""
        if not letters:
            return
        writes = Writes(dead_letters=letters)
        if await self.store.find("states", aggregate_id) is None:
            blank = (await self.store.load({aggregate_id: (group.declared, group.case)}))[aggregate_id]
            writes.states.append((group.declared, replace(blank, held=len(letters))))
        else:
            writes.holding.append((aggregate_id, len(letters)))
        await self._write(writes)

    def targets(self, arrival: Arrival, *, live: bool = True) -> dict[str, Group]:
        """The aggregates that an arrival concerns; what cannot be read or routed concerns the one that it holds."""
        if arrival.fact is not None:
            try:
                return {
                    declared.id(self.service.name, key): Group(declared, arrival.fact.case, [arrival], live)
                    for declared in self.service.aggregates
                    for key in declared.route(arrival.fact)
                }
            except Exception as error:  # a pure function that fails holds, whatever it raised
                arrival = replace(arrival, fact=None, problem=f"route-failed: {where(error)}")
        declared = self.service.aggregate(self.service.unreadable)
        case = arrival.key.decode("ascii", "replace")[:80] or "unknown"
        return {declared.id(self.service.name, case): Group(declared, case, [arrival], live)}

    async def redrive(self, letter: DeadLetter) -> bool:
        """Send a dead letter through the ordinary path again; whether nothing of it is left. Raises StoreDown."""
        before = await self.store.letters_of([letter.aggregate])
        own = Group(self.service.aggregate_of(letter.aggregate), letter.case)
        arrival = reread(arrival_in(letter), self._keys()) if letter.kind == "fact" else None
        others: dict[str, Group] = {}
        if arrival is not None and letter.reason == "unreadable":
            others = self.targets(arrival)
            own = others.pop(letter.aggregate, own)
        elif arrival is not None:
            own.arrivals.append(arrival)
        own.redriven.append(letter.id)
        # The letter goes last: until the others have the fact, it is all that keeps it.
        for groups in (others, {letter.aggregate: own}):
            for outbox, messages in await self.apply(groups) if groups else ():
                if outbox:
                    await self.publisher.publish(outbox, messages)
        after = await self.store.letters_of([letter.aggregate])
        return letter.id not in after and not after - before

    async def give_up(self, attempt: Attempt, detail: str) -> None:
        """Hold the aggregate of a job whose result and failure were both refused. Raises StoreDown, Fenced."""
        declared = self.service.aggregate_of(attempt.aggregate)
        async with self._locks.hold([attempt.aggregate]):
            loaded = (await self.store.load({attempt.aggregate: (declared, attempt.case)}))[attempt.aggregate]
            letter = replace(letter_of(loaded, "job", f"{attempt.kind}: {detail}", now()), id=f"{attempt.id}:given-up")
            writes = Writes(dead_letters=[letter], settled=[(attempt.id, attempt.number)])
            writes.states.append((declared, replace(loaded, held=loaded.held + 1)))
            await self._write(writes)

    # ---- wakes

    async def wake(self, aggregate_id: str, until: datetime) -> None:
        """Ask ``react`` again where the wake is due by ``until``. Conflicts leave it for later. Raises StoreDown."""
        declared = self.service.aggregate_of(aggregate_id)
        async with self._locks.hold([aggregate_id]):
            try:
                await self._woken(declared, aggregate_id, until)
            except Conflict:
                self.metrics.conflicts.inc()
            except Unavailable:
                raise
            except Exception as error:  # it holds this aggregate: the other wakes go on
                group = Group(declared, key_of(aggregate_id))
                letter = letter_of(Loaded(aggregate_id, group.case, None), "react", reason_of(error), now())
                await self._add_letters(aggregate_id, group, [letter])

    async def _woken(self, declared: Aggregate, aggregate_id: str, until: datetime) -> None:
        before = (await self.store.load({aggregate_id: (declared, "")}))[aggregate_id]
        moment = now()
        if before.held or before.wake is None or before.wake > min(until, moment):
            return
        if not before.pending and (moment - before.wake).total_seconds() > 60:
            self.metrics.late_wakes.inc()
        plan = Plan(Outcome(before), before)
        plan.outcome = self._settled(
            Group(declared, before.case), before, moment, plan, cause=f"wake:{before.wake.isoformat()}", correlation=""
        )
        async with self.epochs.entered() as entry:
            writes = Writes(states=[(declared, plan.outcome.loaded)], dead_letters=plan.dead_letters)
            self._add(writes, plan.outcome, entry.epoch, trace.child_of(""))
            outbox = await self._write(writes, entry)
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
                    try:
                        self._add(writes, outcome, entry.epoch, trace.child_of(trace.current()))
                        outbox = await self._write(writes, entry)
                    except Conflict:
                        self.metrics.conflicts.inc()
                        pause = random.uniform(0.002, 0.05)  # noqa: S311 - jitter
                    except (StoreRefusal, BrokenContract) as refusal:
                        raise Refused(
                            "too-large", "This is more than one case can hold; send less of it at once."
                        ) from refusal
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
        moment = now()
        # A wake that is due is for the member that has read the case's partition: a command does not run ahead of it.
        loaded = replace(before, pending=True) if _due(before, moment) else before
        try:
            outcome = carry_out(
                declared,
                self.service.name,
                loaded,
                command,
                moment,
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
        if loaded is before:
            return outcome
        return replace(outcome, loaded=replace(outcome.loaded, pending=before.pending))

    async def held(self, aggregate_id: str, case: str) -> bool:
        """Whether commands to this aggregate wait for an operator. Raises StoreDown."""
        declared = self.service.aggregate_of(aggregate_id)
        ids = [aggregate_id]
        if declared.parent:
            ids.append(self.service.aggregate(declared.parent).id(self.service.name, case))
        return bool(await self.store.letters_of(ids))

    # ---- what is neither

    async def record(self, writes: Writes) -> None:
        """Write what concerns no aggregate: a partner's message and the answer to it.

        Raises:
            Unavailable: the store does not answer, or the message was settled by another meanwhile.
        """
        try:
            outbox = await self._write(writes)
        except Conflict as conflict:
            raise Unavailable("Somebody else has just settled this message; look again.") from conflict
        self.publisher.publish_soon(outbox, writes.messages)

    async def checkpoint(self, *, final: bool = False) -> Message | None:
        """End the epoch and store its checkpoint; gives its message, None when there was nothing. Raises Unavailable.

        One that could not be stored is stored first, with the same bytes, when this is next called.
        """
        if self._unsaid is not None:
            said = await self._say(self._unsaid)
            if not final:
                return said
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
        self._unsaid = Publication(recorded, to_message(recorded, self._signer, epoch=""), "")
        self.epochs.chained(self._unsaid.message)
        said = await self._say(self._unsaid)
        return await self.checkpoint(final=True) if final and not checkpoint.final else said

    async def _say(self, publication: Publication) -> Message:
        outbox: str | None
        try:
            outbox = await self._write(Writes(publications=[publication]))
        except Conflict:
            if not await self.store.events([publication.recorded.id]):
                raise Unavailable("The checkpoint is stored at the next turn.") from None
            outbox = None  # stored by a commit whose answer was lost: its outbox document is swept
        self._unsaid = None
        self.publisher.publish_soon(outbox, [publication.message])
        return publication.message

    # ---- both

    def _add(self, writes: Writes, outcome: Outcome, epoch: str, traceparent: str) -> None:
        writes.publications.extend(
            Publication(one, to_message(one, self._signer, epoch=epoch, traceparent=traceparent), epoch)
            for one in outcome.events
        )
        writes.jobs.extend((outcome.loaded, job, traceparent) for job in outcome.jobs)

    async def _write(self, writes: Writes, entry: Entry | None = None) -> str | None:
        """Write, and count what was written in its epoch, also where the caller is cancelled meanwhile."""
        return await unbroken(self._written(writes, entry))

    async def _written(self, writes: Writes, entry: Entry | None) -> str | None:
        with self.metrics.transaction.time():
            try:
                outbox = await self.store.write(writes, now=now())
            except CommitUnknown:
                if entry is not None:
                    entry.doubt()
                raise
        if entry is not None:
            entry.stored(writes.publications)
        for one in writes.publications:
            self.metrics.events.labels(one.message.topic).inc()
        if writes.jobs:
            self.work.set()
        return outbox


def _due(loaded: Loaded, moment: datetime) -> bool:
    return loaded.wake is not None and loaded.wake <= moment


def _correlation(fact: Recorded | None) -> str:
    return (fact.correlation or fact.id) if fact else ""
