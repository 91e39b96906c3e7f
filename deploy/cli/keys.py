"""``recours keys``: the keys that services sign with; an old public key is never taken away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from deploy.audit.sites import public_keys, settings_directory
from deploy.cli.administrator import administrator
from deploy.cli.confirmation import confirm
from deploy.cli.instants import shown, standing
from deploy.cli.options import Address, AsJson, Data, TokenFile, Where, Yes
from deploy.cli.printing import console
from deploy.embedded.files import write_atomically
from deploy.embedded.site import SERVICES
from shared import clock
from shared.errors import NotFound
from shared.trust.provisioning import rotate_signing_key
from shared.trust.signing import KeySet, PublicKey, SigningKey

SOON = timedelta(days=60)
"""How long before its end a newest key is said to be due."""


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="The keys that services sign with: list, export, rotate.", no_args_is_help=True)
    app.add_typer(group, name="keys")

    @group.command("list")
    def list_(as_json: AsJson = False, data: Data = None, settings: Where = None) -> None:
        """Show every service's public keys with their windows, newest first; exit code 1 when one is due.

        A service signs with its newest key; older ones verify what they signed, for ever.
        """
        now = clock.now()
        keys = _of_services(asyncio.run(public_keys(None, settings_directory(data, settings))))
        warnings = list(due(keys, now))
        if as_json:
            said = [{**key.jwk(), "standing": standing(key, now)} for key in keys]
            typer.echo(json.dumps({"keys": said, "due": warnings}, indent=2))
        else:
            table = Table("service", "key", "valid (Paris time)", "now", box=None, pad_edge=False)
            for key in keys:
                window = f"{shown(key.not_before)} to {shown(key.not_after)}"
                table.add_row(key.service, key.key_id, window, standing(key, now))
            console().print(table)
            for line in warnings:
                console().print(line)
        if warnings:
            raise typer.Exit(1)

    @group.command()
    def export(
        file: Annotated[Path, typer.Argument(help="Where to write it, such as service-keys.json.")],
        yes: Yes = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Write the public keys of services and partners as service-keys.json: what offline checks need."""
        if file.exists():
            confirm(f"{file} is there, and will be replaced.", yes=yes)
        keys = asyncio.run(public_keys(None, settings_directory(data, settings)))
        write_atomically(file, keys.to_json().encode(), 0o644)
        console().print(f"{len(keys)} keys in {file}.")

    @group.command()
    def rotate(
        service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}.")],
        yes: Yes = False,
        data: Data = None,
        address: Address = None,
        token_file: TokenFile = None,
    ) -> None:
        """Give a service a new signing key, valid at once; the old one stays published and valid to its end.

        Takes the token of the keyring's administrator (embedded: --data). A running service signs with it within half
        a minute; until then it signs with the old key, which is as good.
        """
        if service not in SERVICES:
            raise NotFound(f"There is no service {service!r}: choose one of {', '.join(SERVICES)}.")
        confirm(f"{service} gets a new signing key, and signs with it within half a minute.", yes=yes)
        key = asyncio.run(_rotate(service, address, token_file, data))
        window = f"valid from {shown(key.not_before)} to {shown(key.not_after)} (Paris)"
        console().print(f"{service} has a new signing key: {key.key_id}, {window}.")
        console().print("Its older public keys stay: see `recours keys list`.")


def due(keys: Iterable[PublicKey], now: datetime) -> Iterable[str]:
    """A sentence for each service that has no valid key, or whose last one ends soon."""
    keys = tuple(keys)
    for service in SERVICES:
        last = max((key.not_after for key in keys if key.service == service), default=None)
        match last:
            case None:
                yield f"{service} has no key: run `recours keyring provision`."
            case _ if last <= now:
                yield f"{service} has no valid key: what it signs is refused. Rotate now."
            case _ if last - now < SOON:
                yield f"{service}'s last key ends in {(last - now).days} days: rotate it."
            case _:
                pass


async def _rotate(service: str, address: str | None, token_file: Path | None, data: Path | None) -> SigningKey:
    async with administrator(address, token_file, data) as admin:
        return await rotate_signing_key(admin, service, clock.now())


def _of_services(keys: KeySet) -> list[PublicKey]:
    """In the order of the services, newest first."""
    found = sorted((key for key in keys if key.service in SERVICES), key=lambda key: key.not_before, reverse=True)
    return sorted(found, key=lambda key: SERVICES.index(key.service))
