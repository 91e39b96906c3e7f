"""What recours needs in a keyring, made by one implementation for the embedded platform and for production alike."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import stamina

from shared.errors import BrokenContract, NotFound, Unavailable
from shared.trust import policies
from shared.trust.keyring import Keyring
from shared.trust.policies import OPERATOR, policy
from shared.trust.sealing import OPENERS
from shared.trust.signing import SigningKey, generate
from shared.trust.vault import AlreadyThere, KeyringDenied, Vault

SECRETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "intake": ("hmac-pepper",),
        "evidence": ("hmac-pepper",),
        "legal": ("hmac-pepper",),
        "billing": ("hmac-pepper", "payment-webhook"),
        "notify": ("hmac-pepper",),
    }
)
"""The secrets that ``provision`` draws (32 random bytes, hex) for each service when absent."""

HOLDERS: Final = (*OPENERS, OPERATOR)
"""Who has a token: each service, and the operator."""

TOKEN_PERIOD = "168h"  # noqa: S105 - a duration
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


async def provision(
    admin: Keyring,
    now: datetime,
    *,
    held: Mapping[str, str] = _NOBODY,
    services_secrets: Mapping[str, Iterable[str]] = SECRETS,
) -> dict[str, str]:
    """Bring the keyring to what recours needs, and give a token per service and for the operator.

    With an admin's (or root) token: mounts KV version 2, writes the policies, makes the signing keys, publishes their
    public halves and draws the secrets that are absent. What exists is never replaced, so it may run at every start.
    Tokens are orphans of a period of seven days, which their use renews. A token of ``held`` (by service) that is
    still good is given back; for every other a fresh one is made.

    Raises:
        KeyringDenied: this token may not do it. Unavailable: the keyring does not answer; run it again.
        BrokenContract: the mount is something else, or the keyring makes no tokens.
    """
    await _mounted(admin.vault)
    for holder in HOLDERS:
        name = policies.policy_name(holder)
        await admin.vault.call("PUT", f"sys/policies/acl/{name}", {"policy": policy(holder, admin.vault.mount)})
        if holder != OPERATOR:
            await _signing_key(admin, holder, now)
            for secret in services_secrets.get(holder, ()):
                await _absent(admin.vault, policies.secret_path(holder, secret), {"value": secrets.token_hex(32)})
    # Last: what fails before has given nobody a token.
    return {holder: await _token(admin.vault, holder, held.get(holder, "")) for holder in HOLDERS}


async def rotate_signing_key(admin: Keyring, service: str, now: datetime) -> SigningKey:
    """Replace the service's signing key; its older public keys stay published. A running one takes it up soon.

    With an admin's token. The public half is published first, so that no event is signed by an unknown key.

    Raises:
        NotFound: no such service, or it has no key yet.
    """
    if service not in OPENERS:
        raise NotFound(f"There is no service {service!r}: choose one of {', '.join(OPENERS)}.")
    await admin.signing_key(service)
    key = generate(service, now)
    await admin.publish_public_keys([key.public()])
    await admin.vault.write(policies.signing_path(service), {"key": key.to_secret_json()})
    return key


async def _signing_key(admin: Keyring, service: str, now: datetime) -> None:
    await _absent(admin.vault, policies.signing_path(service), {"key": generate(service, now).to_secret_json()})
    # Also after a stop between the two writes.
    await admin.publish_public_keys([(await admin.signing_key(service)).public()])


async def _token(vault: Vault, holder: str, held: str) -> str:
    name = policies.policy_name(holder)
    if held and await _is_good(vault, held, name):
        return held
    body = {"policies": [name], "period": TOKEN_PERIOD, "display_name": name, "no_parent": True, "renewable": True}
    answer = await vault.call("POST", "auth/token/create", body)
    if answer is None:
        raise BrokenContract("The keyring makes no tokens: give recours an OpenBao or Vault with token auth.")
    return str(answer["auth"]["client_token"])


async def _is_good(vault: Vault, token: str, name: str) -> bool:
    """Whether the keyring knows this token, under that policy alone."""
    try:
        found = await vault.call("POST", "auth/token/lookup", {"token": token})
    except (KeyringDenied, BrokenContract):
        return False
    return found is not None and set(found["data"].get("policies", ())) == {name, "default"}


async def _absent(vault: Vault, path: str, data: dict[str, Any]) -> None:
    try:
        await vault.write(path, data, cas=0)
    except AlreadyThere:
        return


async def _mounted(vault: Vault) -> None:
    mounts = await vault.call("GET", "sys/mounts") or {}
    there = mounts.get("data", mounts).get(f"{vault.mount}/")
    if there is None:
        await vault.call("POST", f"sys/mounts/{vault.mount}", {"type": "kv", "options": {"version": "2"}})
        async for attempt in stamina.retry_context(on=Unavailable, timeout=30):
            with attempt:
                await vault.read("mounted")
    elif there.get("type") != "kv" or (there.get("options") or {}).get("version") != "2":
        raise BrokenContract(f"The mount {vault.mount!r} is not KV version 2: give recours another one.")
