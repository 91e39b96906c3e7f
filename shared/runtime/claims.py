"""Jobs: claimed by any replica, done outside transactions, settled by the command that their result is."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from shared import logs, trace
from shared.clock import now
from shared.errors import Held, NotFound, RecoursError, Refused, Unavailable
from shared.runtime.declaration import Attempt, Command, Impossible, Postponed, Worker
from shared.runtime.documents import Document
from shared.runtime.letters import where
from shared.runtime.transactions import Fenced

if TYPE_CHECKING:
    from shared.runtime.running import Running

log = structlog.get_logger()
AT_ONCE = 8
AGAIN = 1.0
"""Seconds between two tries to store a result."""


class Jobs:
    """The workers of one process."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._tasks: set[asyncio.Task[None]] = set()
        self._dropped: list[tuple[Attempt, int]] = []
        self._workers: dict[str, Worker] = {worker.kind: worker for worker in running.service.workers}

    async def turn(self) -> int:
        """Claim what is due, as far as hands are free; gives how many. Raises StoreDown."""
        while self._dropped:
            attempt, failures = self._dropped[-1]
            again = now() + timedelta(seconds=1)
            await self._running.store.reschedule(attempt.id, attempt.number, not_before=again, failures=failures)
            self._dropped.pop()
        free = AT_ONCE - len(self._tasks)
        if free <= 0:
            return 0
        claimed = 0
        # Only kinds that somebody here does: others, due for long, would take every hand's place.
        for document in await self._running.store.due("jobs", now(), free, kinds=sorted(self._workers)):
            worker = self._workers[document["kind"]]
            taken = await self._running.store.claim(
                "jobs", document, owner=self._running.writer, until=now() + worker.lease
            )
            if taken is not None:
                task = asyncio.create_task(self._attempt(worker, taken))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                claimed += 1
        return claimed

    async def drain(self, timeout: float) -> None:
        """Let jobs in hand end; those that do not are claimed again by another after their lease."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            for task in late:
                task.cancel()

    async def _attempt(self, worker: Worker, document: Document) -> None:
        attempt = Attempt(
            id=document["_id"],
            aggregate=document["aggregate"],
            case=document["case"],
            kind=document["kind"],
            subject=document["subject"],
            payload=document["payload"],
            number=document["attempt"],
            traceparent=document.get("traceparent", ""),
        )
        try:
            with trace.followed(attempt.traceparent) as traceparent, logs.bound(traceparent):
                result = await self._one(worker, attempt, document["failures"])
        except Unavailable:
            self._dropped.append((attempt, document["failures"]))  # a lease of minutes would be a long wait
            result = "store-down"
        except Exception as error:  # the lease brings it back here too; nobody awaits this task
            log.error("job-broken", kind=worker.kind, attempt=attempt.number, exc_info=error)
            result = "broken"
        self._running.metrics.jobs.labels(worker.kind, result).inc()

    async def _one(self, worker: Worker, attempt: Attempt, failures: int) -> str:
        running = self._running
        try:
            if await running.engine.commands.held(attempt.aggregate, attempt.case):
                raise Held("Its result would have to wait for an operator.")  # before anything is done outside
            until = asyncio.get_running_loop().time() + worker.lease.total_seconds() * 0.9
            async with asyncio.timeout_at(until):
                commands = await worker.run(attempt, running)
            for position, command in enumerate(commands, 1):
                job = attempt if position == len(commands) else None
                await self._told(worker, command, attempt, job, until)
        except Fenced:
            return "fenced"
        except Postponed as later:
            await running.store.reschedule(attempt.id, attempt.number, not_before=later.until, failures=failures)
            return "postponed"
        except Held:
            later_on = now() + timedelta(seconds=30)
            await running.store.reschedule(attempt.id, attempt.number, not_before=later_on, failures=failures)
            return "held"
        except Impossible as error:
            return await self._give_up(worker, attempt, error.reason)
        except Exception as error:  # whatever the outside did: try again later
            log.warning("job-failed", kind=worker.kind, attempt=attempt.number, exc_info=error)
            if failures + 1 >= worker.attempts:
                return await self._give_up(worker, attempt, "attempts-exhausted")
            due = _later(worker, failures)
            await running.store.reschedule(attempt.id, attempt.number, not_before=due, failures=failures + 1)
            return "failed"
        return "done"

    async def _told(
        self, worker: Worker, command: Command, attempt: Attempt, job: Attempt | None, until: float
    ) -> None:
        """Store a result; what was done outside is not done again while the claim, until this loop time, lasts."""
        while True:
            try:
                await self._running.carry_out(command, cause=attempt.id, job=job)
            except (Refused, NotFound) as refusal:
                if worker.policy == "at-least-once":  # done already; doing it again would only be another double
                    raise Impossible(f"result-refused-{refusal.code}") from refusal
                raise
            except Unavailable as trouble:
                if isinstance(trouble, Held) or asyncio.get_running_loop().time() + AGAIN > until:
                    raise
                await asyncio.sleep(AGAIN)
            else:
                return

    async def _give_up(self, worker: Worker, attempt: Attempt, reason: str) -> str:
        try:
            await self._running.carry_out(worker.given_up(attempt, reason), cause=attempt.id, job=attempt)
        except Fenced:
            return "fenced"
        except Unavailable:
            raise
        except Exception as error:  # not even the failure can be said: an operator must look
            why = error.code if isinstance(error, RecoursError) else where(error)
            await self._running.engine.commands.give_up(attempt, f"{reason}, then {why}")
            return "dead"
        return "given-up"


def _later(worker: Worker, failures: int) -> datetime:
    seconds = min(worker.backoff.total_seconds() * 2 ** min(failures, 20), worker.backoff_limit.total_seconds())
    return now() + timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
