"""What became of a notification: the two results of a sending; and that a member of the team took an alarm.

What is known already yields nothing new.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from services.notify.domain.alarms import standing_alarms
from services.notify.domain.state import Case
from shared.contracts.envelope import Instant
from shared.contracts.event import Id, Kind
from shared.contracts.everyone import RecordViewed
from shared.contracts.notify import Channel, NotificationFailed, NotificationSent
from shared.runtime.declaration import Command, Decision


class RecordSent(Command):
    """The relay took the mail at ``sent_at``."""

    aggregate: ClassVar[str] = "case"

    notification: Id
    template: Kind
    sent_at: Instant
    channel: Channel = "email"


class RecordFailed(Command):
    """The mail was not sent and will not be; ``reason`` says why."""

    aggregate: ClassVar[str] = "case"

    notification: Id
    template: Kind
    reason: Kind
    channel: Channel = "email"


class RecordTaken(Command):
    """A member of the team opened the page of ``alarm``, on the way to the dossier."""

    aggregate: ClassVar[str] = "case"

    alarm: Id
    viewer: Id
    role: Literal["case-worker", "lawyer"]


def decide(state: Case, command: RecordSent | RecordFailed | RecordTaken, _now: datetime) -> Decision:
    """The first result of a notification counts, and the first who takes an alarm."""
    if isinstance(command, RecordTaken):
        if all(one.key != command.alarm for one in standing_alarms(state)):
            return ()
        return (RecordViewed(viewer=command.viewer, role=command.role, record="dossier", record_id=command.alarm),)
    if command.notification in state.outcomes:
        return ()
    about = {"notification": command.notification, "template": command.template, "channel": command.channel}
    if isinstance(command, RecordSent):
        return (NotificationSent(**about, sent_at=command.sent_at),)
    return (NotificationFailed(**about, reason=command.reason),)
