"""``recours partners``: who may tell recours something from outside, with which keys, about what.

The keyring's address and the operator's token come from --data, --settings or the environment.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from deploy.cli.confirmation import confirm
from deploy.cli.instants import ends, shown, standing
from deploy.cli.opened_keyring import with_keyring
from deploy.cli.options import AsJson, Data, Where, Yes
from deploy.cli.partner_registration import (
    belongs_to_nobody_else,
    cases_of,
    corrected,
    difference,
    key_of,
    partner_of,
    topics_of,
)
from deploy.cli.printing import console
from shared import clock
from shared.errors import NotFound, Refused
from shared.trust.keyring import Keyring
from shared.trust.partners import (
    Partner,
    with_all_keys_ended,
    with_key,
    with_key_ended,
)
from shared.trust.signing import PublicKey

Id = Annotated[str, typer.Argument(help="The partner's id: lower-case letters, digits, hyphens; it never changes.")]
KeyFile = Annotated[Path, typer.Option(help="File with its Ed25519 public key, PEM or JWK.")]
From = Annotated[str | None, typer.Option("--from", help="When it begins: an instant or a day; otherwise now.")]
Until = Annotated[
    str | None, typer.Option("--until", help="When it ends: an instant or a last day; otherwise in two years.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Partners: who may tell recours something, signed by which keys.", no_args_is_help=True)
    app.add_typer(group, name="partners")

    @group.command("list")
    def list_(as_json: AsJson = False, data: Data = None, settings: Where = None) -> None:
        """Show every partner, what it may say, and the windows of its keys, ended ones included."""
        found = with_keyring(data, settings, lambda keyring: keyring.partners())
        if as_json:
            typer.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2, ensure_ascii=False))
            return
        table = Table(
            "partner", "name", "topics", "cases", "key", "valid (Paris time)", "now", box=None, pad_edge=False
        )
        for one in found:
            cases = "all" if one.cases == "*" else f"{len(one.cases)} named"
            first = (one.partner_id, one.name, " ".join(sorted(one.topics)), cases)
            for number, key in enumerate(one.keys):
                window = f"{shown(key.not_before)} to {shown(key.not_after)}"
                table.add_row(*(first if number == 0 else ("",) * 4), key.key_id, window, standing(key, clock.now()))
        if found:
            console().print(table)
        console().print(f"{len(found)} {'partner' if len(found) == 1 else 'partners'}.")

    @group.command()
    def register(
        partner: Id,
        name: Annotated[str, typer.Option(help="Its name, as the team reads it.")],
        key: KeyFile,
        topic: Annotated[list[str], typer.Option(help="A topic that it may publish on; repeat it for several.")],
        cases: Annotated[str, typer.Option(help="'all', or the ids of its cases, comma separated.")],
        valid_from: From = None,
        valid_until: Until = None,
        yes: Yes = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Register a partner; said again with the same key, correct its name, topics and cases."""
        wanted = partner_of(
            partner, name, key_of(partner, key, valid_from, valid_until), topics_of(topic), cases_of(cases)
        )

        async def writing(keyring: Keyring) -> tuple[Partner, str]:
            before = await keyring.partner(partner)
            await belongs_to_nobody_else(keyring, wanted.keys[0])
            after = wanted if before is None else corrected(before, wanted)
            if before is not None and after != before:
                confirm(f"{partner} is registered: {difference(before, after)}.", yes=yes)
            said = "registered" if before is None else "registered already" if after == before else "corrected"
            return await keyring.change_partner(partner, lambda present: _unmoved(present, before, after)), said

        stored, said = with_keyring(data, settings, writing)
        kid = wanted.keys[0].key_id
        _say(f"{stored.name} ({partner}) is {said}. The kid of its messages is {kid}")
        _say(_window(next(one for one in stored.keys if one.key_id == kid)))

    @group.command("add-key")
    def add_key(
        partner: Id,
        key: KeyFile,
        valid_from: From = None,
        valid_until: Until = None,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """Add a further key, beside those it has: end the old one when the partner signs with the new one."""

        async def writing(keyring: Keyring) -> PublicKey:
            await _registered(keyring, partner)
            added = key_of(partner, key, valid_from, valid_until)
            await belongs_to_nobody_else(keyring, added)
            await keyring.change_partner(partner, lambda present: with_key(_there(present, partner), added))
            return added

        added = with_keyring(data, settings, writing)
        _say(f"{partner} has one more key. The kid of messages signed with it is {added.key_id}")
        _say(_window(added))

    @group.command("end-key")
    def end_key(
        partner: Id,
        kid: Annotated[str, typer.Argument(help="The key's id, as listed.")],
        at: Annotated[str | None, typer.Option(help="When it ends: an instant or a last day; otherwise now.")] = None,
        yes: Yes = False,
        data: Data = None,
        settings: Where = None,
    ) -> None:
        """End a key's window. What was received while it was valid stays verifiable: the key is never forgotten."""
        now = clock.now()
        end = now if at is None else ends(at, "--at")

        async def writing(keyring: Keyring) -> Partner:
            after = with_key_ended(await _registered(keyring, partner), kid, end)
            what = [f"{kid} will verify nothing that is received from {shown(end)} (Paris) on, and never again."]
            if end < now:
                what.append("Messages received since then that still wait, for their case or for staff, are refused.")
            if all(one.not_after <= max(end, now) for one in after.keys):
                what.append(f"{partner} has no other key left: it can say nothing more until you add one.")
            confirm(" ".join(what), yes=yes)
            return await keyring.change_partner(
                partner, lambda present: with_key_ended(_there(present, partner), kid, end)
            )

        with_keyring(data, settings, writing)
        _say(f"{kid} ends at {shown(end)} (Paris).")

    @group.command()
    def remove(partner: Id, yes: Yes = False, data: Data = None, settings: Where = None) -> None:
        """End all keys of a partner now: it can say nothing more. Its entry stays, for what it said before."""
        now = clock.now()

        async def writing(keyring: Keyring) -> bool:
            before = await _registered(keyring, partner)
            if with_all_keys_ended(before, now) == before:
                return False
            confirm(f"{before.name} ({partner}): all its keys end now, and everything it sends is refused.", yes=yes)
            await keyring.change_partner(partner, lambda present: with_all_keys_ended(_there(present, partner), now))
            return True

        ended = with_keyring(data, settings, writing)
        _say(f"{partner} can say nothing more." if ended else f"{partner} could say nothing more already.")


async def _registered(keyring: Keyring, partner: str) -> Partner:
    return _there(await keyring.partner(partner), partner)


def _there(present: Partner | None, partner: str) -> Partner:
    if present is None:
        raise NotFound(f"No partner {partner!r} is registered. Look with: recours partners list.")
    return present


def _unmoved(present: Partner | None, before: Partner | None, after: Partner) -> Partner:
    if present != before:
        raise Refused("changed-meanwhile", "Somebody else has just changed this partner: look again.", conflict=True)
    return after


def _window(key: PublicKey) -> str:
    return f"Valid from {shown(key.not_before)} to {shown(key.not_after)} (Paris), by the time of reception."


def _say(line: str) -> None:
    console().print(line)
