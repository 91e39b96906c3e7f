"""Notify's declaration: one aggregate a case, the facts it follows, the jobs that send, the routes."""

from __future__ import annotations

from datetime import timedelta

from services.notify import api
from services.notify.domain.outcomes import decide
from services.notify.domain.paging import PAGE
from services.notify.domain.planning import SEND
from services.notify.domain.reactions import react
from services.notify.domain.state import TOLD, Case, evolve
from services.notify.workers import page_team, send_mail, sending_failed
from shared.casefile import CASE_EVENTS
from shared.contracts.everyone import ErasureCleared, RecordViewed
from shared.contracts.notify import NotificationFailed, NotificationSent
from shared.runtime.declaration import Aggregate, Service, Worker

service = Service(
    name="notify",
    aggregates=(Aggregate("case", Case, decide, evolve, react, fold=2),),
    publishes=(NotificationSent, NotificationFailed, ErasureCleared, RecordViewed),
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
        Worker(
            PAGE,
            page_team,
            sending_failed,
            policy="at-least-once",
            # Until the next page is due, which is a day at most.
            attempts=400,
            backoff=timedelta(seconds=2),
            backoff_limit=timedelta(minutes=5),
            lease=timedelta(seconds=300),
        ),
    ),
    routes=api.routes,
)
