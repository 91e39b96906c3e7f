"""``recours keyring``: what recours needs in OpenBao or Vault, and public keys that a restored keyring lacks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.cli.administrator import administrator
from deploy.cli.instants import shown
from deploy.cli.options import Address, TokenFile
from deploy.embedded.files import private_directory, write_atomically
from shared import clock
from shared.errors import Refused, Unavailable
from shared.trust.keyring import Keyring
from shared.trust.provisioning import HOLDERS, provision
from shared.trust.sealing import OPENERS
from shared.trust.signing import KeySet


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="The keyring of a production: provision it, mend it.", no_args_is_help=True)
    app.add_typer(group, name="keyring")

    @group.command("publish")
    def publish(
        file: Annotated[Path, typer.Argument(help="service-keys.json, as `recours keys export` wrote it.")],
        address: Address = None,
        token_file: TokenFile = None,
    ) -> None:
        """Give public keys back to a keyring that was restored to before they were made; those it has stay.

        Only a file that you exported yourself: events signed by these keys are believed.
        """
        keys = KeySet.from_json(file.read_bytes())
        asyncio.run(_publish(administrator(address, token_file), keys))
        Console(highlight=False).print(f"The keyring knows the {len(keys)} keys of {file}.", markup=False)

    @group.command("provision")
    def provision_(
        into: Annotated[Path, typer.Option(help="Directory for the tokens: HOLDER.token each, for this user alone.")],
        address: Address = None,
        token_file: TokenFile = None,
    ) -> None:
        """Make mount, policies, signing keys, secrets and tokens, where they are absent; repeat it at any time.

        Takes the token of an administrator of OpenBao or Vault, which is asked for if no file is named. Nothing that
        exists is replaced; policies are brought up to date. A token in the directory that is still good is kept, any
        other is made anew. Nothing secret is printed.
        """
        console = Console(highlight=False, soft_wrap=True)
        try:
            private_directory(into)
            held = {holder: _held(into, holder) for holder in HOLDERS}
        except OSError as error:
            raise Unavailable(f"{into} cannot be used ({type(error).__name__}): name another directory.") from error
        tokens, ends = asyncio.run(_provision(administrator(address, token_file), held, into))
        for holder in HOLDERS:
            said = f"  signing key {ends[holder]}" if holder in ends else ""
            kept = "kept" if tokens[holder] == held[holder] else "new"
            console.print(f"{holder:9} token {kept:4} in {_file(into, holder)}{said}", markup=False)
        console.print("RECOURS_KEYRING_TOKEN of each process is the content of its file.", markup=False)


async def _publish(admin: Keyring, keys: KeySet) -> None:
    async with admin:
        await admin.publish_public_keys(key for key in keys if key.service in OPENERS)


async def _provision(admin: Keyring, held: dict[str, str], into: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Tokens by holder, the new ones written down, and what to say of each service's signing key."""
    async with admin:
        tokens = await provision(admin, clock.now(), held=held)
        for holder, token in tokens.items():
            if token != held[holder]:
                write_atomically(_file(into, holder), f"{token}\n".encode())
        said = {}
        for holder in HOLDERS[:-1]:
            key = (await admin.signing_key(holder)).public()
            said[holder] = f"{key.key_id} until {shown(key.not_after)}"
        return tokens, said


def _held(into: Path, holder: str) -> str:
    """The token of an earlier run, empty when there is none. Raises Refused when others can read it."""
    file = _file(into, holder)
    if not file.exists():
        return ""
    if file.stat().st_mode & 0o077:
        raise Refused("open-token", f"Others can read {file}: revoke that token, and delete the file.")
    return file.read_text().strip()


def _file(into: Path, holder: str) -> Path:
    return into / f"{holder}.token"
