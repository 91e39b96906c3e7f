"""States made again from inbox and events: eagerly, where loading would make each again when it is next needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.clock import milliseconds, now
from shared.errors import Unavailable
from shared.runtime.declaration import Aggregate, Service
from shared.runtime.documents import STALE, Document, Writes
from shared.runtime.folding import Loaded
from shared.runtime.store import Store
from shared.runtime.transactions import Conflict

TRIES = 10


def everything(_declared: Aggregate) -> Document:
    """All states."""
    return {}


def outdated(declared: Aggregate) -> Document:
    """States of another fold than the present one."""
    return {"fold": {"$ne": declared.fold}}


def stale(_declared: Aggregate) -> Document:
    """States whose aggregate was given events back."""
    return {"fold": STALE}


async def refold_states(
    service: Service,
    store: Store,
    which: Callable[[Aggregate], Document],
    told: Callable[[int], None] = lambda _looked: None,
) -> tuple[int, int]:
    """Fold states again and store those that change; gives how many were looked at and written.

    The service may be running: its own loop reacts to what changed. ``told`` hears how many were looked at.

    Raises:
        Unavailable: the store does not answer, or a state never stands still.
        BrokenContract: the store lacks an event.
    """
    looked = written = 0
    for declared in service.aggregates:
        async for document in store.scan("states", {"kind": declared.name, **which(declared)}):
            looked += 1
            written += await _refold(declared, store, str(document["_id"]))
            told(looked)
    return looked, written


async def _refold(declared: Aggregate, store: Store, aggregate: str) -> bool:
    """Whether the state had to be written. Raises Unavailable when it never stands still."""
    for _ in range(TRIES):
        document = await store.find("states", aggregate)
        if document is None:
            return False
        # The stored state itself may be unreadable: only what stands beside it is taken.
        beside = {name: document[name] for name in ("case", "sequence", "revision", "wake", "pending", "held")}
        before = Loaded(id=aggregate, state=declared.state(), **beside)
        after = await store.refolded(declared, before)
        same = _same(declared, str(document["state"]), before, after)
        if same and document["fold"] == declared.fold:
            return False
        if not same and not after.held:
            # The service's own loop reacts and sets the wake, once it has read what the bus has.
            after = replace(after, pending=True, wake=now())
        try:
            await store.write(Writes(states=[(declared, after)]), now=now())
        except Conflict:
            continue
        return True
    raise Unavailable(f"A {declared.name} is written all the time: try again when it is quieter.")


def _same(declared: Aggregate, stored: str, before: Loaded, after: Loaded) -> bool:
    """Whether state, sequence and (where it is settled) wake are what the facts make them."""
    try:
        state = declared.state.model_validate_json(stored)
    except ValueError:
        return False
    wake = declared.wake(after.state)
    settled = not before.held and not before.pending
    return (
        state == declared.state.model_validate_json(after.state.model_dump_json())
        and before.sequence == after.sequence
        and (not settled or before.wake == (None if wake is None else milliseconds(wake)))
    )
