"""Notify's declaration: one aggregate a case, the facts it follows, the job that sends, the routes."""

from __future__ import annotations

from datetime import timedelta

from services.notify import api
from services.notify.domain.outcomes import decide
from services.notify.domain.planning import SEND, react
from services.notify.domain.state import TOLD, Case, evolve
from services.notify.workers import send_mail, sending_failed
from shared.casefile import CASE_EVENTS
from shared.contracts.everyone import ErasureCleared
from shared.contracts.notify import NotificationFailed, NotificationSent
from shared.runtime.declaration import Aggregate, Service, Worker

service = Service(
    name="notify",
    aggregates=(Aggregate("case", Case, decide, evolve, react),),
    publishes=(NotificationSent, NotificationFailed, ErasureCleared),
    follows=(*CASE_EVENTS, *TOLD),
    workers=(
        Worker(
            SEND,
            send_mail,
            sending_failed,
            policy="at-least-once",
            # About a day and a half, after which a mail says little that is new.
            attempts=40,
            backoff=timedelta(seconds=15),
            backoff_limit=timedelta(hours=1),
            lease=timedelta(seconds=120),
        ),
    ),
    routes=api.routes,
)
