"""What may be registered for a partner: its key, topics and cases, each refused with what to write instead."""

from __future__ import annotations

import uuid
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deploy.audit.sites import declaration
from deploy.cli.instants import begins, ends
from deploy.embedded.site import SERVICES
from shared import clock
from shared.contracts.partners import MESSAGES
from shared.errors import Refused, Unavailable
from shared.trust.keyring import Keyring
from shared.trust.partners import Partner, PartnerId, partner_key, read_public_key
from shared.trust.signing import VALIDITY, PublicKey


def read_topics() -> tuple[str, ...]:
    """The topics of partners that some service reads, sorted."""
    return tuple(sorted({one.message.topic for name in SERVICES for one in declaration(name).accepts}))


def partner_of(partner: str, name: str, key: PublicKey, topics: frozenset[str], cases: frozenset[str] | str) -> Partner:
    """The registration. Raises Refused when the name is empty or too long."""
    try:
        return Partner.model_validate(
            {"partner_id": partner, "name": name.strip(), "keys": (key,), "topics": topics, "cases": cases}
        )
    except ValidationError:
        raise Refused("bad-partner", "--name has 1 to 200 characters.", field="name") from None


def key_of(partner: str, file: Path, valid_from: str | None, valid_until: str | None) -> PublicKey:
    """The key in ``file`` as the partner's, valid from now for two years where nothing else is said.

    Raises:
        Unavailable: the file cannot be read. Refused: the id, the key or its window is wrong.
    """
    try:
        TypeAdapter(PartnerId).validate_python(partner)
    except ValidationError:
        message = f"{partner!r} is no partner id: 2 to 54 of a-z, 0-9 and hyphen, and no hyphen first."
        raise Refused("bad-partner", message, field="partner") from None
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Unavailable(f"{file} cannot be read ({type(error).__name__}): check its name.") from error
    try:
        raw = read_public_key(content)
    except Refused as error:
        raise Refused(error.code, f"{file}: {error}", field=error.field) from None
    start = clock.now() if valid_from is None else begins(valid_from, "--from")
    end = start + VALIDITY if valid_until is None else ends(valid_until, "--until")
    if end <= clock.now():
        raise Refused("empty-window", "--until lies in the past: this key would verify nothing.")
    return partner_key(partner, raw, start, end)


def topics_of(wanted: list[str]) -> frozenset[str]:
    """The topics, all of which some service reads. Raises Refused, listing those."""
    known = read_topics()
    for topic in wanted:
        if topic in known:
            continue
        silent = " is of the contracts, but no service reads it" if topic in {one.topic for one in MESSAGES} else ""
        message = f"{topic!r}{silent or ' is no topic of partners'}: choose among {', '.join(known)}."
        raise Refused("unknown-topic", message, field="topic")
    return frozenset(wanted)


def cases_of(text: str) -> frozenset[str] | str:
    """The scope: ``*`` for 'all', else the ids. Raises Refused for anything that is no case id."""
    if text == "all":
        return "*"
    named = [part.strip() for part in text.split(",") if part.strip()]
    for one in named:
        try:
            good = str(uuid.UUID(one)) == one
        except ValueError:
            good = False
        if not good:
            raise Refused("bad-case", f"{one!r} is no case id: --cases is 'all', or ids with commas.", field="cases")
    if not named:
        raise Refused("bad-case", "--cases is 'all', or the ids of its cases with commas.", field="cases")
    return frozenset(named)


async def belongs_to_nobody_else(keyring: Keyring, key: PublicKey) -> None:
    """Raises Refused when a service or another partner has this key: one could pass for the other."""
    for one in await keyring.public_keys():
        if one.raw == key.raw and one.service != key.service:
            message = f"This is the key of {one.service} already: a partner needs a key of its own."
            raise Refused("key-of-another", message, conflict=True)


def corrected(before: Partner, wanted: Partner) -> Partner:
    """The registration with the wanted name and scope, its keys as they are. Raises Refused for another key."""
    if wanted.keys[0].key_id not in {one.key_id for one in before.keys}:
        message = (
            f"{before.partner_id} is registered already, with another key ({before.keys[-1].key_id}). "
            f"To give it this one too: recours partners add-key {before.partner_id} --key FILE."
        )
        raise Refused("registered-already", message, conflict=True)
    return wanted.model_copy(update={"keys": before.keys})


def difference(before: Partner, after: Partner) -> str:
    """What a correction changes, in words; empty when nothing."""
    said = []
    if before.name != after.name:
        said.append(f"its name becomes {after.name!r}")
    if before.topics != after.topics:
        said.append(f"its topics become {', '.join(sorted(after.topics))} (were {', '.join(sorted(before.topics))})")
    if before.cases != after.cases:
        said.append("it may speak of " + ("all cases" if after.cases == "*" else f"{len(after.cases)} named cases"))
    return "; ".join(said)
