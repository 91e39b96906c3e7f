"""The person's address and wishes, as they are inside the case's sealed contact (intake's form of it).

The contact is a JSON object. Read here: ``email``, and in ``notify``: ``channel`` (``email`` or ``none``), ``after``
and ``before`` (hours of Europe/Paris, may span midnight), ``language``, ``safe_subject``, ``show_place``. The rest is
others' affair.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.clock import PARIS
from shared.runtime.declaration import Impossible

_MAILBOX = re.compile(r"[^\s@:;,\"<>()\x00-\x1f]+@[A-Za-z0-9.-]+")


class Wishes(BaseModel):
    """How the person wants to be told: by which channel, from ``after`` up to ``before`` each day (Europe/Paris).

    ``safe_subject`` replaces every mail's subject. ``show_place``: the court may stand in the calendar file.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    channel: Literal["email", "none"] = "email"
    after: time = time(9)
    before: time = time(20)
    language: Literal["fr", "en"] | None = None
    safe_subject: str | None = Field(default=None, repr=False)
    show_place: bool = False

    @field_validator("safe_subject")
    @classmethod
    def _subject(cls, value: str | None) -> str | None:
        return _one_line(value)


class Contact(BaseModel):
    """Where the person is reached. Without an address, or with ``channel`` none, nothing is sent."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    email: str | None = Field(default=None, repr=False)
    notify: Wishes = Wishes()

    @field_validator("email")
    @classmethod
    def _mailbox(cls, value: str | None) -> str | None:
        mailbox = _one_line(value)
        if mailbox is not None and not _MAILBOX.fullmatch(mailbox):
            raise ValueError("not a mail address")
        return mailbox


def read_contact(opened: Any) -> Contact:
    """The contact that a sealed value said.

    Raises:
        Impossible: ``contact-unreadable``: it has not that form, and no further attempt will change it.
    """
    try:
        return Contact.model_validate(opened)
    except ValidationError:
        raise Impossible("contact-unreadable") from None


def allowed_from(wishes: Wishes, now: datetime) -> datetime:
    """``now`` where it is within the person's hours, else the instant (same zone as ``now``) at which they begin.

    Equal ends mean the whole day.
    """
    begin, end = wishes.after, wishes.before
    local = now.astimezone(PARIS)
    clock = local.time()
    if begin == end:
        return now
    within = begin <= clock < end if begin < end else clock >= begin or clock < end
    if within:
        return now
    day = local.date() if clock < begin else local.date() + timedelta(days=1)
    return datetime.combine(day, begin, PARIS).astimezone(now.tzinfo)


def _one_line(value: str | None) -> str | None:
    # A line break in a header would begin another header.
    return " ".join(value.split())[:150] or None if value else None
