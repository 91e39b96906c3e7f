"""Followed facts to transactions: fold, react, write; what cannot be applied is a dead letter, the rest goes on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from shared import trace
from shared.clock import now
from shared.contracts.envelope import Message
from shared.errors import Unavailable
from shared.runtime.batches import Group, Plan, by_aggregate, halves
from shared.runtime.declaration import Recorded
from shared.runtime.documents import MAX_DOCUMENTS, DeadLetter, Writes
from shared.runtime.folding import Loaded, Outcome, absorb, is_due
from shared.runtime.letters import arrival_in, letter_of_fact, reason_of, where
from shared.runtime.messages import Arrival, reread
from shared.runtime.transactions import Conflict
from shared.runtime.writing import Writing
from shared.trust.signing import KeySet

CONFLICTS = 50
"""So often an aggregate on its own is tried again; then something is wrong with it, and it is held.

The pauses between add up to more than the minute for which a store may keep the locks of a process that was killed.
"""
LONGEST_PAUSE = 4.0


class Facts:
    """How followed facts become state. ``keys`` gives the services' public keys of the moment."""

    def __init__(self, writing: Writing, keys: Callable[[], KeySet]) -> None:
        self._writing = writing
        self._keys = keys
        self._documents = 1.0
        """Written for each fact of the last transaction."""

    async def apply(self, groups: Mapping[str, Group]) -> list[tuple[str, list[Message]]]:
        """Fold the groups in as few transactions as conflicts allow; gives what is to be published.

        Whole-batch retries livelock on a hot case (measured), so a conflict halves the batch by aggregate, down to
        one. What fails otherwise is halved down to one fact, which becomes a dead letter.

        Raises:
            StoreDown: nothing of the failing part was written; the whole batch may be given again.
        """
        facts = sum(len(group.arrivals) for group in groups.values())
        if facts > 1 and facts * self._documents > MAX_DOCUMENTS:  # refused by the store only after all was folded
            return [published for part in halves(groups) for published in await self.apply(part)]
        for number in range(CONFLICTS if len(groups) == 1 else 1):
            try:
                async with self._writing.locks.hold(groups):
                    return [await self._apply_once(groups)]
            except Conflict:
                self._writing.metrics.conflicts.inc()
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
        with self._writing.metrics.fold.time():
            wanted = {one: (group.declared, group.case) for one, group in groups.items()}
            loaded = await self._writing.store.load(wanted)
            known = await self._writing.store.known(
                [f"{one}/{a.fact.id}" for one, group in groups.items() for a in group.arrivals if a.fact]
            )
            letters = await self._writing.store.letters_of([one.id for one in loaded.values() if one.held])
            plans = {one: self._plan(one, group, loaded[one], known | letters) for one, group in groups.items()}
        async with self._writing.epochs.entered() as entry:
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
                self._writing.add(writes, plan.outcome, entry.epoch, trace.child_of(cause.traceparent if cause else ""))
            if not writes.states:
                return "", []
            if writes.inbox:
                self._documents = writes.size() / len(writes.inbox)
            outbox = await self._writing.write(writes, entry)
        for _, arrival in writes.inbox:
            self._writing.metrics.facts.labels(arrival.topic).inc()
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
        elif not group.live or is_due(loaded, moment):
            earliest = min(moment, loaded.wake or moment)
            plan.outcome = Outcome(replace(loaded, pending=True, wake=earliest))
        else:
            cause = plan.cause
            plan.settle(
                group.declared,
                self._writing.service.name,
                loaded,
                moment,
                cause=cause.id if cause else "redrive",
                correlation=_correlation(cause),
            )
        return plan

    async def _hold(self, groups: Mapping[str, Group], reason: str) -> None:
        """Keep as dead letters what can neither be folded nor stored, so that the others go on."""
        [(aggregate_id, group)] = groups.items()
        async with self._writing.locks.hold(groups):
            known = await self._writing.store.letters_of([aggregate_id])
            letters = [letter_of_fact(aggregate_id, group.case, one, "not-applied", reason) for one in group.arrivals]
            await self._writing.hold(aggregate_id, group, [one for one in letters if one.id not in known])

    def targets(self, arrival: Arrival, *, live: bool = True) -> dict[str, Group]:
        """The aggregates that an arrival concerns; what cannot be read or routed concerns the one that it holds."""
        if arrival.fact is not None:
            try:
                return {
                    declared.id(self._writing.service.name, key): Group(declared, arrival.fact.case, [arrival], live)
                    for declared in self._writing.service.aggregates
                    for key in declared.route(arrival.fact)
                }
            except Exception as error:  # a pure function that fails holds, whatever it raised
                arrival = replace(arrival, fact=None, problem=f"route-failed: {where(error)}")
        declared = self._writing.service.aggregate(self._writing.service.unreadable)
        case = arrival.key.decode("ascii", "replace")[:80] or "unknown"
        return {declared.id(self._writing.service.name, case): Group(declared, case, [arrival], live)}

    async def redrive(self, letter: DeadLetter) -> bool:
        """Send a dead letter through the ordinary path again; whether nothing of it is left. Raises StoreDown."""
        before = await self._writing.store.letters_of([letter.aggregate])
        own = Group(self._writing.service.aggregate_of(letter.aggregate), letter.case)
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
                    await self._writing.publisher.publish(outbox, messages)
        after = await self._writing.store.letters_of([letter.aggregate])
        return letter.id not in after and not after - before


def _correlation(fact: Recorded | None) -> str:
    return (fact.correlation or fact.id) if fact else ""
