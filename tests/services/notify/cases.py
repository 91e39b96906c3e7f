"""Facts of a case as notify sees them, with real sealed values."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.notify.domain.planning import SEND
from services.notify.domain.state import notification_id
from services.notify.service import service
from shared.contracts.intake import AccessGranted, CaseOpened, CaseUpdated, Facets
from shared.contracts.legal import DeadlineThreatened, HearingScheduled
from shared.trust.sealing import new_identity, seal
from tests.given import CASE, NOON, Given

IDENTITY = new_identity()
ADDRESS = "marie@example.org"
DAY = date(2026, 12, 14)
"""Three weeks after NOON."""


def sealed_contact(email: str | None = ADDRESS, **wishes: Any) -> str:
    return seal({"last_name": "Durand", "email": email, "notify": wishes}, IDENTITY.recipient)


CONTACT = sealed_contact()
DETAILS = seal({"hour": "14:30", "court": "Tribunal judiciaire de Paris", "room": "4.12"}, IDENTITY.recipient)


def opened(persona="victim", contact=CONTACT, language="fr"):
    return CaseOpened(
        facets=Facets(persona=persona, language=language),
        locator="0" * 64,
        recipients={"contact": IDENTITY.recipient},
        sealed_contact=contact,
    )


def updated(contact=None, persona="victim"):
    return CaseUpdated(facets=Facets(persona=persona), sealed_contact=contact)


def granted(role="victim", status="accepted", access="access-1"):
    return AccessGranted(access=access, role=role, holder="holder-1", status=status)


def hearing(status="scheduled", day=DAY, revision=0, key="hearing-1", details=DETAILS):
    return HearingScheduled(
        hearing=key, kind="trial", status=status, day=day, revision=revision, notice="lawful", sealed_details=details
    )


def deadline(last_day=DAY, key="deadline-1", kind="press-limit"):
    return DeadlineThreatened(deadline=key, kind=kind, last_day=last_day)


def told(template, about):
    return notification_id(CASE, template, about)


def a_case(*facts, role="victim", **how):
    """A case whose opener may be written to; its opening is told already."""
    return Given(service, "case").facts(opened(persona=role, **how), granted(role=role), *facts)


def asked(given, now=NOON):
    """Templates of the person's mails asked for at ``now``, but the opening's, in the order of asking."""
    given.jobs.clear()
    given.at(now)
    return [one.payload["template"] for one in given.jobs if one.kind == SEND and one.payload["template"] != "opened"]


def later(**by):
    return NOON + timedelta(**by)
