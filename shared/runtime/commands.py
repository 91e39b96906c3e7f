"""Commands: decided in one transaction with what they settle and answer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from typing import Any

from shared import trace
from shared.clock import now
from shared.errors import BrokenContract, Held, NotFound, Refused, Unavailable
from shared.runtime.answers import Answer
from shared.runtime.declaration import Aggregate, Attempt, Command, Recorded
from shared.runtime.documents import Document, Writes
from shared.runtime.folding import Loaded, Outcome, carry_out, is_due
from shared.runtime.letters import letter_of
from shared.runtime.transactions import Conflict, StoreRefusal
from shared.runtime.writing import Writing

COMMAND_TRIES = 12


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: the events it emitted (reactions included) and the state after them."""

    events: tuple[Recorded, ...]
    state: Any


class Commands:
    """How commands become events."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

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
        declared = self._writing.service.aggregate(command.aggregate)
        aggregate_id = declared.id(self._writing.service.name, command.key)
        parent = self._writing.service.aggregate(declared.parent) if declared.parent else None
        parent_id = parent.id(self._writing.service.name, command.case) if parent else ""
        wanted = {aggregate_id: (declared, command.case)}
        if parent:
            wanted[parent_id] = (parent, command.case)
        for _ in range(COMMAND_TRIES):
            pause = 0.0
            async with self._writing.locks.hold(wanted):
                loaded = await self._writing.store.load(wanted)
                if any(one.held for one in loaded.values()):
                    self._writing.metrics.commands.labels("held").inc()
                    raise Held("This waits for an operator of the service; nothing is lost. Try again later.")
                before = loaded[aggregate_id]
                outcome = self._decided(
                    declared, before, command, loaded.get(parent_id), cause=cause, correlation=correlation
                )
                if outcome.loaded == before and not outcome.jobs and not (job or answer or outside):
                    return Done((), before.state)
                async with self._writing.epochs.entered() as entry:
                    writes = Writes(answer=answer, outside=outside)
                    if outcome.loaded != before:
                        writes.states.append((declared, outcome.loaded))
                    if job:
                        writes.settled.append((job.id, job.number))
                    if parent_id and before.revision == 0:
                        writes.touched.append((parent_id, loaded[parent_id].revision))
                    try:
                        self._writing.add(writes, outcome, entry.epoch, trace.child_of(trace.current()))
                        outbox = await self._writing.write(writes, entry)
                    except Conflict:
                        self._writing.metrics.conflicts.inc()
                        pause = random.uniform(0.002, 0.05)  # noqa: S311 - jitter
                    except (StoreRefusal, BrokenContract) as refusal:
                        raise Refused(
                            "too-large", "This is more than one case can hold; send less of it at once."
                        ) from refusal
            if not pause:
                self._writing.publisher.publish_soon(outbox, [one.message for one in writes.publications])
                self._writing.metrics.commands.labels("done").inc()
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
        loaded = replace(before, pending=True) if is_due(before, moment) else before
        try:
            outcome = carry_out(
                declared,
                self._writing.service.name,
                loaded,
                command,
                moment,
                parent=parent.state if parent else None,
                cause=cause or f"command:{type(command).__name__}",
                correlation=correlation,
            )
        except (Refused, NotFound):
            self._writing.metrics.commands.labels("refused").inc()
            raise
        except Exception:
            self._writing.metrics.commands.labels("failed").inc()
            raise
        if loaded is before:
            return outcome
        return replace(outcome, loaded=replace(outcome.loaded, pending=before.pending))

    async def held(self, aggregate_id: str, case: str) -> bool:
        """Whether commands to this aggregate wait for an operator. Raises StoreDown."""
        declared = self._writing.service.aggregate_of(aggregate_id)
        ids = [aggregate_id]
        if declared.parent:
            ids.append(self._writing.service.aggregate(declared.parent).id(self._writing.service.name, case))
        return bool(await self._writing.store.letters_of(ids))

    async def give_up(self, attempt: Attempt, detail: str) -> None:
        """Hold the aggregate of a job whose result and failure were both refused. Raises StoreDown, Fenced."""
        declared = self._writing.service.aggregate_of(attempt.aggregate)
        async with self._writing.locks.hold([attempt.aggregate]):
            loaded = (await self._writing.store.load({attempt.aggregate: (declared, attempt.case)}))[attempt.aggregate]
            letter = replace(letter_of(loaded, "job", f"{attempt.kind}: {detail}", now()), id=f"{attempt.id}:given-up")
            writes = Writes(dead_letters=[letter], settled=[(attempt.id, attempt.number)])
            writes.states.append((declared, replace(loaded, held=loaded.held + 1)))
            await self._writing.write(writes)
