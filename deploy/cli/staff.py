"""``recours staff``: who is of the team. The keyring's address and the operator's token come from the environment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from shared.errors import NotFound, Refused
from shared.settings import read
from shared.trust.keyring import Keyring
from shared.trust.staff import StaffRole

_T = TypeVar("_T")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    staff = typer.Typer(help="The team: add, list, remove.", no_args_is_help=True)
    app.add_typer(staff, name="staff")

    @staff.command()
    def add(
        name: Annotated[str, typer.Argument(help="Lower-case letters, digits, . _ - (it shows in the case's events).")],
        role: Annotated[StaffRole, typer.Option(help="What the member does.")],
        passphrase: Annotated[
            str,
            typer.Option(
                prompt=True,
                hide_input=True,
                confirmation_prompt=True,
                envvar="RECOURS_STAFF_PASSPHRASE",
                help="Asked for.",
            ),
        ],
    ) -> None:
        """Add a member, or replace their role and passphrase."""

        async def enrol(keyring: Keyring) -> str:
            try:
                return (await keyring.enrol_staff(name, role, passphrase)).name
            except ValidationError:
                message = "A name begins with a letter or digit and has lower-case letters, digits, . _ - only."
                raise Refused("bad-name", message, field="name") from None

        Console(highlight=False).print(f"{_with_keyring(enrol)} is {role.value} now.", markup=False)

    @staff.command("list")
    def listing() -> None:
        """Show names and roles."""

        async def members(keyring: Keyring) -> list[str]:
            found = [await keyring.staff_member(name) for name in await keyring.staff()]
            return [f"{one.name}  {one.role.value}" for one in found if one is not None]

        for line in _with_keyring(members):
            Console(highlight=False).print(line, markup=False)

    @staff.command()
    def remove(name: Annotated[str, typer.Argument(help="The member to forget.")]) -> None:
        """Remove a member: their sessions end within five minutes."""

        async def forget(keyring: Keyring) -> None:
            if await keyring.staff_member(name) is None:
                raise NotFound("Nobody of that name is of the team. Look with: recours staff list.")
            await keyring.remove_staff(name)

        _with_keyring(forget)
        Console(highlight=False).print(f"{name} is of the team no more.", markup=False)


def _with_keyring(act: Callable[[Keyring], Awaitable[_T]]) -> _T:
    settings = read()

    async def acting() -> _T:
        async with Keyring(settings.keyring, settings.keyring_token.get_secret_value()) as keyring:
            return await act(keyring)

    return asyncio.run(acting())
