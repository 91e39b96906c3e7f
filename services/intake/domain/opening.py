"""Opening a case, and changing what was said of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.intake.domain.commands import ChangeAccount, OpenCase, UpdateCase
from services.intake.domain.people import account_written, asking, usable
from services.intake.domain.state import Case
from services.intake.domain.triage import ACT_KINDS, of_facets, wanted
from shared.clock import paris_day
from shared.contracts.event import Event
from shared.contracts.intake import AccessGranted, CaseEscalated, CaseOpened, CaseUpdated, Facets, Role
from shared.errors import Refused

PURPOSES = frozenset({"contact", "account", "evidence", "authors"})


def opening_role(facets: Facets) -> Role:
    """The role of who opens: a guardian is as a witness until the parental authority was checked."""
    return "witness" if facets.persona == "guardian" else facets.persona


def open_case(state: Case, command: OpenCase, now: datetime) -> Iterator[Event]:
    if state.file.opened or state.file.erased:
        if state.opener == command.locator:
            return
        raise Refused("case-exists", "This case is already open. Sign in with its code.", conflict=True)
    check_facets(command.facets, now)
    if set(command.recipients) != PURPOSES:
        raise Refused("missing-keys", "The case needs a key for each purpose. Try again.", field="recipients")
    facets = command.facets.model_copy(update={"urgency": of_facets(command.facets, danger=command.danger)})
    yield CaseOpened(
        facets=facets,
        anonymous=command.anonymous,
        locator=command.locator,
        recipients=command.recipients,
        sealed_contact=command.sealed_contact,
        sealed_account=command.sealed_account,
        sealed_facts=command.sealed_facts,
        sealed_authors=command.sealed_authors,
    )
    yield AccessGranted(access=command.locator, role=opening_role(facets), holder=command.holder)
    if command.danger:
        yield CaseEscalated(escalation=command.escalation, reason="danger", answered_by=command.answered_by)


def update_case(state: Case, command: UpdateCase, now: datetime) -> Iterator[Event]:
    known = facets = usable(state)
    asking(state, command.by, {"victim", "case-worker", "lawyer"}, opener=True)
    if command.facets is not None:
        facets = command.facets
        check_facets(facets, now)
        if facets.persona != known.persona:
            raise Refused("persona-fixed", "Who opened the case stays so. Invite the other person.", field="persona")
    if command.danger and not state.danger:
        yield CaseEscalated(escalation=command.escalation, reason="danger", answered_by=command.answered_by)
        state = state.model_copy(update={"danger": True})
    facets = facets.model_copy(update={"urgency": wanted(state, facets, now)})
    sealed = (command.sealed_contact, command.sealed_facts, command.sealed_authors)
    if facets != known or any(sealed):
        yield CaseUpdated(
            facets=facets,
            sealed_contact=command.sealed_contact,
            sealed_facts=command.sealed_facts,
            sealed_authors=command.sealed_authors,
        )


def change_account(state: Case, command: ChangeAccount) -> Iterator[Event]:
    facets = usable(state, closed=True)
    asking(state, command.by, {"victim", "witness", "guardian", "institution"})
    yield account_written(state, facets, command.sealed_account, command.account_seen)


def check_facets(facets: Facets, now: datetime) -> None:
    """Raises Refused, naming the field, for what cannot be so: a day to come, an unknown kind, a range upside down."""
    today = paris_day(now)
    for number, act in enumerate(facets.acts):
        where = f"acts.{number}"
        if act.day > today:
            raise Refused("day-in-future", "This day is still to come. Give the day it happened.", field=f"{where}.day")
        if act.day.year < today.year - 100:
            raise Refused("day-too-old", "This day is too long ago. Check the year.", field=f"{where}.day")
        if act.kind not in ACT_KINDS:
            raise Refused("unknown-kind", f"Choose one of: {', '.join(ACT_KINDS)}.", field=f"{where}.kind")
    if len({act.act for act in facets.acts}) != len(facets.acts):
        raise Refused("act-twice", "Two acts have the same id. Give each act its own.", field="acts")
    if facets.authors_at_most is not None and facets.authors_at_most < facets.authors_at_least:
        message = "The most authors cannot be fewer than the least. Exchange the two numbers."
        raise Refused("range-upside-down", message, field="authors_at_most")
    if facets.persona == "victim" and facets.on_behalf:
        message = "Somebody who asks for another is a witness, a guardian or an institution. Choose which."
        raise Refused("victim-on-behalf", message, field="on_behalf")
