"""The two jobs: a mail to the person within their hours, a page to the team at any hour; if still warranted then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final, Literal, TypeVar

from services.notify.domain.outcomes import RecordFailed, RecordSent
from services.notify.domain.paging import Page, standing_page
from services.notify.domain.planning import Notification, standing
from services.notify.domain.state import Case
from services.notify.letters import attach_hearing, letter
from services.notify.wishes import allowed_from
from shared import clock
from shared.contracts.sealed import Contact, HearingDetails, Wishes, read_sealed
from shared.errors import BrokenContract
from shared.ids import derived
from shared.mail import page_operators, post
from shared.runtime.declaration import Attempt, Command, Impossible, Postponed
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import Purpose

NO_LONGER_DUE: Final = "no-longer-due"
_Wanted = TypeVar("_Wanted", Notification, Page)


async def send_mail(attempt: Attempt, running: Any) -> Sequence[Command]:
    """Send the notification ``attempt.subject`` and say so.

    Raises:
        Postponed: the person's hours have not begun.
        Impossible: it will never be sent (no address, refused by the relay, too late, no longer warranted).
        Unavailable: tried again.
    """
    state: Case = await running.load("case", attempt.case)
    now = clock.now()
    wanted = _due(standing(state, attempt.subject), now)
    contact = await _contact(running, attempt.case, state.contact.value)
    wishes = contact.notify
    if wishes.channel == "none":
        raise Impossible("not-wanted")
    if contact.email is None:
        raise Impossible("no-address")
    allowed = allowed_from(wishes, now)
    if allowed > now:
        raise Postponed(allowed)
    language = wishes.language or (state.file.facets.value.language if state.file.facets.value else "fr")
    mail = letter(
        wanted.template,
        wishes,
        to=contact.email,
        language=language,
        sender=running.settings.smtp_from,
        link=f"{running.settings.origin}/",
        message_id=f"{derived('mail', attempt.id)}@{running.settings.smtp_from.rpartition('@')[2]}",
        now=now,
    )
    await _with_calendar(running, attempt.case, state, wanted, mail, wishes, language)
    await post(mail, running.settings)
    return (RecordSent(case=attempt.case, notification=attempt.subject, template=wanted.template, sent_at=clock.now()),)


async def page_team(attempt: Attempt, running: Any) -> Sequence[Command]:
    """Page every operator about the alarm that ``attempt.payload`` names, and say so.

    Raises:
        Postponed: it is not due yet.
        Impossible: no operator is set, or all were refused for good; somebody took it; the next page says it.
        Unavailable: tried again.
    """
    state: Case = await running.load("case", attempt.case)
    key = str(attempt.payload["alarm"])
    now = clock.now()
    wanted = _due(standing_page(state, key, attempt.subject), now)
    await page_operators(
        running.settings,
        reason=wanted.alarm.reason,
        case=attempt.case,
        key=attempt.id,
        link=f"{running.settings.origin}/notify/cases/{attempt.case}/pages/{key}",
        now=now,
        last_day=wanted.alarm.last_day,
    )
    return (RecordSent(case=attempt.case, notification=attempt.subject, template=wanted.template, sent_at=clock.now()),)


def sending_failed(attempt: Attempt, reason: str) -> Command:
    """It was not sent and will not be."""
    template = str(attempt.payload["template"])
    return RecordFailed(case=attempt.case, notification=attempt.subject, template=template, reason=reason)


def _due(wanted: _Wanted | None, now: datetime) -> _Wanted:
    """What is to be sent, where ``now`` is its time. Raises Postponed before it, Impossible after it or without any."""
    if wanted is None:
        raise Impossible(NO_LONGER_DUE)
    if now < wanted.due:
        raise Postponed(wanted.due)
    if now >= wanted.until:
        raise Impossible("too-late")
    return wanted


async def _with_calendar(
    running: Any,
    case: str,
    state: Case,
    wanted: Notification,
    mail: EmailMessage,
    wishes: Wishes,
    language: Literal["fr", "en"],
) -> None:
    hearing = state.hearings[wanted.hearing].value if wanted.hearing is not None else None
    if wanted.hearing is None or hearing is None or hearing.sealed_details is None:
        return
    try:
        details = read_sealed(HearingDetails, await running.reveal(case, Purpose.CONTACT, hearing.sealed_details))
    except BrokenContract:
        # The appointment is told all the same: its hour stands in the person's space.
        return
    attach_hearing(mail, wanted.hearing, hearing, details, wishes, language=language)


async def _contact(running: Any, case: str, sealed: str | None) -> Contact:
    if sealed is None:
        raise Impossible(NO_LONGER_DUE)
    try:
        return read_sealed(Contact, await running.reveal(case, Purpose.CONTACT, sealed))
    except KeysDestroyed:
        raise Impossible(NO_LONGER_DUE) from None
    except BrokenContract:
        raise Impossible("contact-unreadable") from None
