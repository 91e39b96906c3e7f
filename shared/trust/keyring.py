"""The keyring: cases' identities, service keys, partners, staff and secrets, in OpenBao or Vault (KV version 2).

Destroying a case's keys here is the erasure of what was sealed to them. Every call raises Unavailable when the keyring
cannot answer (nothing was changed) and KeyringDenied when this token may not do it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Self, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import BrokenContract, NotFound, RecoursError, Refused
from shared.trust import policies
from shared.trust.partners import Partner
from shared.trust.policies import OPERATOR
from shared.trust.sealing import Purpose, new_identity
from shared.trust.signing import KeySet, PublicKey, SigningKey
from shared.trust.staff import StaffMember, StaffRole, admit, enrolled
from shared.trust.vault import AlreadyThere, KeyringDenied, Vault

__all__ = ["OPERATOR", "Keyring", "KeyringDenied", "KeysDestroyed"]

_CACHED = 1024
_TRIES = 5
_Model = TypeVar("_Model", bound=BaseModel)


class KeysDestroyed(RecoursError):
    """The case's keys are not in the keyring: they were destroyed by its erasure, or never made."""

    code = "keys-destroyed"


class Keyring:
    """A service's access to the keyring with its own token. Use as an async context manager, or ``close()`` it.

    Args:
        address: base address of OpenBao or Vault.
        token: the service's token.
        mount: where KV version 2 is mounted.
        timeout: seconds for one call.
        cache_seconds: how long an identity may stay in this process (at most 60).
        monotonic: seconds that never go back; a test passes its own.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        mount: str = "recours",
        timeout: float = 5.0,
        cache_seconds: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.vault = Vault(address, token, mount=mount, timeout=timeout)
        self._ttl = min(cache_seconds, 60.0)
        self._monotonic = monotonic
        self._identities: OrderedDict[tuple[str, Purpose], tuple[str, float]] = OrderedDict()
        self._forgettings = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections and drop the cached identities."""
        self._identities.clear()
        await self.vault.close()

    async def create_case_keys(self, case_id: str) -> dict[Purpose, str]:
        """Make the case's identities and give the recipient (age1...) per purpose. Repeated, it gives the same ones."""
        made = await asyncio.gather(*(self._create_case_key(case_id, purpose) for purpose in Purpose))
        return dict(zip(Purpose, made, strict=True))

    async def _create_case_key(self, case_id: str, purpose: Purpose) -> str:
        identity = new_identity()
        path = policies.case_path(case_id, purpose)
        try:
            await self.vault.write(path, {"secret": identity.secret, "recipient": identity.recipient}, cas=0)
        except (AlreadyThere, KeyringDenied):
            # Writing over an existing path is an update, which intake's token may not do.
            stored = await self.vault.read(path)
            if stored is None:
                raise
            return str(stored[0]["recipient"])
        return identity.recipient

    async def case_identity(self, case_id: str, purpose: Purpose) -> str:
        """The age secret of that purpose, at most 60 s old. Raises KeysDestroyed when there is none."""
        cached = self._identities.get((case_id, purpose))
        if cached is not None and self._monotonic() < cached[1]:
            self._identities.move_to_end((case_id, purpose))
            return cached[0]
        self._identities.pop((case_id, purpose), None)
        forgettings = self._forgettings
        stored = await self.vault.read(policies.case_path(case_id, purpose))
        if stored is None:
            raise KeysDestroyed(
                "The keys of this case no longer exist: what was sealed with them cannot be read again."
            )
        secret = str(stored[0]["secret"])
        # A destruction while we were reading must not be followed by a cached copy.
        if forgettings == self._forgettings:
            self._identities[case_id, purpose] = (secret, self._monotonic() + self._ttl)
            while len(self._identities) > _CACHED:
                self._identities.popitem(last=False)
        return secret

    def forget_case(self, case_id: str) -> None:
        """Drop this process's copies of the case's identities (on case-erased)."""
        self._forgettings += 1
        for purpose in Purpose:
            self._identities.pop((case_id, purpose), None)

    async def destroy_case_keys(self, case_id: str) -> None:
        """Destroy all versions and the metadata of every purpose, then look that nothing is left. Repeatable.

        Raises BrokenContract when something is still there: the case is not erased, try again.
        """
        self.forget_case(case_id)
        for purpose in Purpose:
            await self.vault.forget(policies.case_path(case_id, purpose))
        for purpose in Purpose:
            path = policies.case_path(case_id, purpose)
            if await self.vault.versions(path) or await self.vault.read(path) is not None:
                raise BrokenContract(f"The key for {purpose} is still in the keyring: destroy the case's keys again.")
        self.forget_case(case_id)

    async def purposes_kept(self, case_id: str, purposes: Iterable[Purpose] = tuple(Purpose)) -> list[Purpose]:
        """Those of ``purposes`` for which the keyring, asked now, holds a key of the case."""
        return [one for one in purposes if await self.vault.read(policies.case_path(case_id, one)) is not None]

    async def marks(self) -> tuple[dict[str, int], int]:
        """How far this keyring is known to be as the log says: offsets by ``<topic>/<partition>``, and their version.

        A keyring that is restored from a backup has those of its time.
        """
        stored = await self.vault.read(policies.MARKS_PATH)
        return ({}, 0) if stored is None else (dict(stored[0]["upto"]), stored[1])

    async def mark(self, upto: Mapping[str, int], version: int) -> None:
        """Write the marks over those of ``version``. Raises AlreadyThere when others were written meanwhile."""
        await self.vault.write(policies.MARKS_PATH, {"upto": dict(upto)}, cas=version)

    async def signing_key(self, service: str) -> SigningKey:
        """The service's present private key. Raises NotFound before provisioning."""
        stored = await self.vault.read(policies.signing_path(service))
        if stored is None:
            raise NotFound(f"The keyring has no signing key of {service}: provision it first.")
        return SigningKey.from_secret_json(stored[0]["key"])

    async def publish_public_keys(self, keys: Iterable[PublicKey]) -> None:
        """Add ``keys`` to what their services have published; published keys stay. For the admin's token."""
        for key in keys:
            path = policies.public_path(key.service)
            stored = await self.vault.read(path)
            there = [] if stored is None else list(stored[0]["keys"])
            dumped = key.model_dump(mode="json")
            if dumped not in there:
                await self.vault.write(path, {"keys": [*there, dumped]}, cas=0 if stored is None else stored[1])

    async def public_keys(self) -> KeySet:
        """The public keys of all services and partners, past ones included."""
        found: list[PublicKey] = []
        for service in await self.vault.names("public/services"):
            stored = await self.vault.read(policies.public_path(service))
            keys = [_model(PublicKey, one, "public key") for one in (stored[0]["keys"] if stored else [])]
            if any(key.service != service for key in keys):
                raise BrokenContract(f"The keyring lists another's key under {service}: publish its keys again.")
            found += keys
        return KeySet([*found, *(key for partner in await self.partners() for key in partner.keys)])

    async def register_partner(self, partner: Partner) -> None:
        """Write or replace a partner. For the operator's token."""
        await self.vault.write(policies.partner_path(partner.partner_id), {"partner": partner.model_dump(mode="json")})

    async def change_partner(self, partner_id: str, change: Callable[[Partner | None], Partner]) -> Partner:
        """What ``change`` makes of the registration (None: there is none), written over exactly what it was given.

        ``change`` is pure: another operator's write in between makes it run again. For the operator's token. Raises
        what ``change`` raises, and Refused when the registration never stands still.
        """
        path = policies.partner_path(partner_id)
        for _ in range(_TRIES):
            stored = await self.vault.read(path)
            before = None if stored is None else _model(Partner, stored[0]["partner"], "partner")
            after = change(before)
            if after == before:
                return after
            try:
                data = {"partner": after.model_dump(mode="json")}
                await self.vault.write(path, data, cas=0 if stored is None else stored[1])
            except AlreadyThere:
                continue
            return after
        raise Refused(
            "partner-changing", "Somebody else changes this partner: look at it, and try again.", conflict=True
        )

    async def partner(self, partner_id: str) -> Partner | None:
        """The registered partner, or None."""
        stored = await self.vault.read(policies.partner_path(partner_id))
        return None if stored is None else _model(Partner, stored[0]["partner"], "partner")

    async def partners(self) -> list[Partner]:
        """All registered partners, in order of their ids."""
        found = [await self.partner(name) for name in await self.vault.names("public/partners")]
        return [partner for partner in found if partner is not None]

    async def enrol_staff(self, name: str, role: StaffRole | str, passphrase: str) -> StaffMember:
        """Write or replace a member's role and passphrase. Raises Refused when it is too short. Operator's token."""
        member = await enrolled(name, role, passphrase)
        await self.vault.write(policies.staff_path(member.name), {"staff": member.model_dump(mode="json")})
        return member

    async def staff_member(self, name: str) -> StaffMember | None:
        """The member of that name, or None."""
        stored = await self.vault.read(policies.staff_path(name))
        return None if stored is None else _model(StaffMember, stored[0]["staff"], "staff member")

    async def staff(self) -> list[str]:
        """The names of the team, sorted."""
        return await self.vault.names("staff")

    async def admit_staff(self, name: str, passphrase: str) -> StaffMember:
        """The member, if the passphrase is theirs. Raises NotFound alike for an unknown name and a wrong one."""
        return await admit(await self.staff_member(name), passphrase)

    async def remove_staff(self, name: str) -> None:
        """Forget a member. Operator's token."""
        await self.vault.forget(policies.staff_path(name))

    async def secret(self, service: str, name: str) -> str:
        """A service's secret, such as ``payment-webhook``. Raises NotFound when there is none."""
        stored = await self.vault.read(policies.secret_path(service, name))
        if stored is None:
            raise NotFound(f"The keyring has no secret {name!r} of {service}: provision it first.")
        return str(stored[0]["value"])


def _model(model: type[_Model], data: object, what: str) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError:
        raise BrokenContract(f"The keyring holds a {what} that cannot be read: register it again.") from None
