"""Cases brought to where something can go wrong: drafted and not approved, approved and not paid, somebody else's."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from deploy.demo.client import PartnerVoice, Person, until
from deploy.demo.story import PASSPHRASE, STAFF, Story
from deploy.embedded.supervisor import Platform
from services.billing.domain.standing import person_payment
from shared import clock
from shared.contracts.partners import Cover, FilingReceipt
from shared.trust.keyring import Keyring
from shared.trust.partners import Partner, partner_owner
from shared.trust.signing import SigningKey, generate

COURT = "greffe-exemple"
HALF_OF_A_SESSION = 120.0
OPENING = {"persona": "victim", "passphrase": PASSPHRASE}


@dataclass
class Stage:
    """``drafted``: the complaint stands, nobody proved the identity. ``paying``: approved, 80 EUR asked for.

    ``stranger`` has a case of their own. ``names`` fills the paths of requests.
    """

    drafted: Person
    paying: Person
    stranger: Person
    staff: dict[str, Person]
    court: SigningKey
    court_says: PartnerVoice
    names: dict[str, str] = field(default_factory=dict)
    signed: float = field(default_factory=time.monotonic)

    async def fresh(self) -> None:
        """Sign everybody in again before their five minutes are over."""
        if time.monotonic() - self.signed > HALF_OF_A_SESSION:
            for person in (self.drafted, self.paying, self.stranger, *self.staff.values()):
                await person.again()
            self.signed = time.monotonic()

    def of(self, who: str) -> str:
        """The session of a person or of a role of the team; none for ``nobody``."""
        person = self.staff.get(who) or {"nobody": None}.get(who, getattr(self, who, None))
        return person.session if person else ""


async def set_stage(platform: Platform, story: Story, http: httpx.AsyncClient) -> Stage:
    staff = {role: Person(http) for role in STAFF}
    for role, name in STAFF.items():
        await staff[role].sign_in("/api/sessions/staff", {"name": name, "passphrase": PASSPHRASE})
    drafted, paying, stranger = [await _opened(http) for _ in range(3)]
    names = {"story": story.case, "complaint_of_story": story.played.complaint}
    names |= {"drafted": _case(drafted), "paying": _case(paying), "stranger": _case(stranger)}
    names["complaint"], names["commitment"] = await _complaint(staff, _case(drafted))
    complaint, commitment = await _complaint(staff, _case(paying))
    await staff["case-worker"].post(f"/api/team/cases/{_case(paying)}/identity", {"means": "in-person"})

    async def proven() -> bool | None:
        path = f"/legal/api/cases/{_case(paying)}/complaints/{complaint}/approval"
        headers = {"Authorization": f"Bearer {staff['lawyer'].session}"}
        answer = await http.post(path, json={"commitment": commitment, "about": []}, headers=headers)
        return answer.status_code == 201 or None

    await until("the complaint is approved", proven)
    names["approved_complaint"] = complaint
    await paying.post(f"/billing/api/cases/{_case(paying)}/funding", {"choice": "person"})

    async def due() -> bool | None:
        return bool((await paying.get(f"/billing/api/cases/{_case(paying)}"))["due"]["cents"]) or None

    await until("80 EUR are asked for", due)
    names["payment"] = person_payment(_case(paying))
    invoices = (await staff["accountant"].get(f"/billing/api/cases/{story.case}"))["invoices"]
    names["invoice"] = invoices[0]["invoice"]
    hearing = {"kind": "trial", "day": (_today() + timedelta(days=90)).isoformat()}
    made = await staff["lawyer"].post(f"/legal/api/cases/{_case(drafted)}/hearings", hearing)
    names["hearing"] = made["hearing"]
    # A receipt that waited for three days was signed three days ago: the key has to be older.
    key = generate(partner_owner(COURT), clock.now() - timedelta(days=4))
    settings = platform.settings_for("operator")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        await keyring.register_partner(
            Partner(
                partner_id=COURT,
                name="Greffe (fictif)",
                keys=(key.public(),),
                topics=frozenset({FilingReceipt.topic, Cover.topic}),
                cases=frozenset({names["drafted"], names["paying"]}),
            )
        )
    return Stage(drafted, paying, stranger, staff, key, PartnerVoice(settings["RECOURS_BUS"], key), names)


def _case(person: Person) -> str:
    assert person.case
    return person.case


def _today() -> Any:
    return clock.paris_day(clock.now())


async def _opened(http: httpx.AsyncClient) -> Person:
    person = Person(http)
    act = {"kind": "insult", "day": (_today() - timedelta(days=3)).isoformat(), "public": True}
    told = await person.sign_in("/api/cases", {**OPENING, "acts": [act], "authors_at_most": 2})
    person.case = told["case"]
    return person


async def _complaint(staff: dict[str, Person], case: str) -> tuple[str, str]:
    for role, member in staff.items():
        await member.post(f"/api/team/cases/{case}/assign", {"role": role})
    lawyer = staff["lawyer"]
    legal = f"/legal/api/cases/{case}"

    async def known() -> bool | None:
        headers = {"Authorization": f"Bearer {lawyer.session}"}
        return (await lawyer.http.get(f"{legal}/proposal", headers=headers)).status_code == 200 or None

    await until("legal knows its lawyer", known)
    await lawyer.post(f"{legal}/diagnoses", {"solidity": "B", "options": ["complaint"]})
    complaint = (await lawyer.post(f"{legal}/complaints", {"procedure": "simple"}))["complaint"]

    async def typeset() -> str | None:
        found: str | None = (await lawyer.get(f"{legal}/complaints/{complaint}"))["commitment"]
        return found

    return complaint, await until("the complaint is typeset", typeset)
