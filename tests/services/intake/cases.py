"""Cases for the tests of intake: commands with fixed ids, facts of the other services."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any

from services.intake.domain import commands as asked
from shared.contracts.intake import Facets, ReportedAct
from tests.given import CASE

LOCATOR = "a" * 64
OTHER = "b" * 64
THIRD = "c" * 64
VICTIM = "holder-victim"
WITNESS = "holder-witness"
STAFF = "claire"
LAWYER = "maitre-durand"
ERASURE = "erasure-1"
DIGEST = "d" * 64
RECIPIENT = "age1" + "q" * 58
RECIPIENTS: Any = dict.fromkeys(("contact", "account", "evidence", "authors"), RECIPIENT)
TODAY = date(2026, 11, 23)


def sealed(mark: str = "x") -> str:
    """Something that begins as every age file does."""
    return base64.b64encode(f"age-encryption.org/v1\n{mark}".encode()).decode()


def act(name: str = "act-1", kind: str = "insult", day: date = TODAY, **other: Any) -> ReportedAct:
    return ReportedAct(act=name, kind=kind, day=day, **other)


def facets(persona: Any = "victim", **other: Any) -> Facets:
    return Facets(persona=persona, **{"acts": (act(),), **other})


def opening(persona: Any = "victim", *, danger: bool = False, **other: Any) -> asked.OpenCase:
    values: dict[str, Any] = {
        "facets": facets(persona),
        "anonymous": False,
        "danger": danger,
        "holder": VICTIM,
        "locator": LOCATOR,
        "recipients": RECIPIENTS,
        "escalation": "danger-1",
        "sealed_account": sealed("account"),
        "sealed_facts": sealed("facts"),
        **other,
    }
    return asked.OpenCase(case=CASE, **values)


def invitation(by: str = VICTIM, role: Any = "witness", access: str = OTHER, **other: Any) -> asked.Invite:
    values: dict[str, Any] = {"holder": WITNESS, "sealed_account": sealed("invited"), "account_seen": 1, **other}
    return asked.Invite(case=CASE, by=by, role=role, access=access, **values)


def acceptance(access: str = OTHER, holder: str = WITNESS) -> asked.AcceptInvitation:
    return asked.AcceptInvitation(case=CASE, access=access, holder=holder)


def assignment(staff: str = STAFF, role: Any = "case-worker") -> asked.AssignStaff:
    return asked.AssignStaff(case=CASE, by=STAFF, role=role, staff=staff)


def update(by: str = VICTIM, **other: Any) -> asked.UpdateCase:
    return asked.UpdateCase(case=CASE, by=by, escalation="danger-2", **other)


def erasing(by: str = VICTIM, erasure: str = ERASURE) -> asked.PlanErasure:
    return asked.PlanErasure(case=CASE, by=by, erasure=erasure)


def destroyed(erasure: str = ERASURE) -> asked.KeysDestroyed:
    return asked.KeysDestroyed(case=CASE, erasure=erasure, certificate=DIGEST)
