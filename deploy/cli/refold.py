"""``recours refold SERVICE``: make states again from inbox and events, now rather than when each is next loaded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from deploy.audit.sites import declaration, settings_directory, settings_of, store_of
from shared.clock import milliseconds, now
from shared.errors import Unavailable
from shared.runtime.declaration import Aggregate
from shared.runtime.documents import Writes
from shared.runtime.folding import Loaded
from shared.runtime.store import Conflict, Store

TRIES = 10


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def refold(
        service: Annotated[str, typer.Argument(help="Whose states.")],
        everything: Annotated[bool, typer.Option("--all", help="Also states of the present fold.")] = False,
        data: Annotated[Path | None, typer.Option(help="Directory of a platform of this machine.")] = None,
        settings: Annotated[Path | None, typer.Option(help="Directory with a SERVICE.env for each service.")] = None,
    ) -> None:
        """Fold states again and store those that change; the service may be running, and is asked to react to them."""
        directory = settings_directory(data, settings)
        with Console(stderr=True, highlight=False).status("Refolding…") as status:
            looked, written = asyncio.run(_refold(service, directory, status, everything=everything))
        Console(highlight=False).print(f"{looked} states of {service} folded again, {written} written.")


async def _refold(name: str, directory: Path | None, status: Status, *, everything: bool) -> tuple[int, int]:
    service, settings = declaration(name), settings_of(name, directory)
    store = store_of(service, settings)
    looked = written = 0
    try:
        for declared in service.aggregates:
            query = {"kind": declared.name} if everything else {"kind": declared.name, "fold": {"$ne": declared.fold}}
            async for document in store.scan("states", query):
                looked += 1
                written += await _one(declared, store, str(document["_id"]))
                status.update(f"Refolding… {looked}")
    finally:
        store.close()
    return looked, written


async def _one(declared: Aggregate, store: Store, aggregate: str) -> bool:
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
