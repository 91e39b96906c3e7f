"""``recours staff``: who is of the team.

The keyring's address and the operator's token come from --data, --settings or the environment.
"""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from deploy.cli.confirmation import confirm
from deploy.cli.opened_keyring import with_keyring
from deploy.cli.options import Data, Where, Yes
from shared.errors import NotFound, Refused
from shared.trust.keyring import Keyring
from shared.trust.staff import StaffRole


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
                help="Asked for without showing it; never write it on the command line.",
            ),
        ],
        yes: Yes = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Add a member; for one of that name, replace role and passphrase."""

        async def enrol(keyring: Keyring) -> str:
            before = await keyring.staff_member(name)
            if before is not None:
                confirm(f"{name} is {before.role.value} already: role and passphrase will be replaced.", yes=yes)
            try:
                return (await keyring.enrol_staff(name, role, passphrase)).name
            except ValidationError:
                message = "A name begins with a letter or digit and has lower-case letters, digits, . _ - only."
                raise Refused("bad-name", message, field="name") from None

        Console(highlight=False).print(f"{with_keyring(data, settings, enrol)} is {role.value} now.", markup=False)

    @staff.command("list")
    def listing(data: Data = None, settings: Where = None) -> None:
        """Show names and roles."""

        async def members(keyring: Keyring) -> list[str]:
            found = [await keyring.staff_member(name) for name in await keyring.staff()]
            return [f"{one.name}  {one.role.value}" for one in found if one is not None]

        found = with_keyring(data, settings, members)
        for line in found:
            Console(highlight=False).print(line, markup=False)
        if not found:
            Console(highlight=False).print("Nobody is of the team yet. Begin with: recours staff add.", markup=False)

    @staff.command()
    def remove(
        name: Annotated[str, typer.Argument(help="The member to forget.")],
        yes: Yes = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Remove a member: their sessions end within five minutes."""

        async def forget(keyring: Keyring) -> None:
            member = await keyring.staff_member(name)
            if member is None:
                raise NotFound("Nobody of that name is of the team. Look with: recours staff list.")
            confirm(f"{name} ({member.role.value}) can sign in no more, and the passphrase is forgotten.", yes=yes)
            await keyring.remove_staff(name)

        with_keyring(data, settings, forget)
        Console(highlight=False).print(f"{name} is of the team no more.", markup=False)
