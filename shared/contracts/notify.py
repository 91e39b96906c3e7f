"""Events of notify: what was sent, by which channel; never an address nor a text."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.contracts.envelope import Instant
from shared.contracts.event import Event, Id, Kind, Service

Channel = Literal["email"]


class NotificationSent(Event):
    name: ClassVar[str] = "notification-sent"
    owner: ClassVar[Service | None] = "notify"

    notification: Id
    template: Kind
    channel: Channel
    sent_at: Instant


class NotificationFailed(Event):
    name: ClassVar[str] = "notification-failed"
    owner: ClassVar[Service | None] = "notify"

    notification: Id
    template: Kind
    channel: Channel
    reason: Kind
