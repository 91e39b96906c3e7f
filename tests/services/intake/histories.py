"""Histories of a case for the domain's tests: facts of the other services, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.intake.service import service
from shared.contracts.legal import (
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintDrafted,
    ComplaintFiled,
    DeadlineThreatened,
    HearingScheduled,
    JudgmentGiven,
)
from shared.errors import NotFound, Refused
from shared.money import Money
from tests.given import Given
from tests.services.intake import cases

SERVICES = ("evidence", "legal", "billing", "notify")
GUARDIAN = "holder-guardian"


def names(events):
    return [event.name for event in events]


def given(*commands):
    """A case after these commands."""
    one = Given(service, "case")
    for command in commands:
        one.when(command)
    return one


def drafted(**other):
    return ComplaintDrafted(
        complaint="c1",
        draft=1,
        procedure="simple",
        commitment="e" * 64,
        sealed_digest=cases.sealed(),
        exhibits=(),
        **other,
    )


APPROVED = ComplaintApproved(complaint="c1", draft=1, procedure="simple", commitment="e" * 64, approved_by=cases.LAWYER)
FILED = ComplaintFiled(
    complaint="c1",
    draft=1,
    procedure="simple",
    mode="electronic",
    day=cases.TODAY,
    sealed_receipt=cases.sealed(),
)
DIAGNOSED = CaseDiagnosed(
    diagnosis="d1",
    eligible=True,
    offences=(),
    limits=(),
    feasibility=(),
    solidity="B",
    options=("complaint",),
    approved_by=cases.LAWYER,
)
JUDGED = JudgmentGiven(
    judgment="j1", hearing="h1", outcome="convicted", day=cases.TODAY, costs=Money(cents=0, currency="EUR")
)


def answered(answer, name="a1"):
    return ComplaintAnswered(answer_id=name, complaint="c1", answer=answer, day=cases.TODAY)


def threatened(days, kind="press-limit", name="d1"):
    return DeadlineThreatened(deadline=name, kind=kind, last_day=cases.TODAY + timedelta(days=days))


def hearing(days, status="scheduled"):
    return HearingScheduled(
        hearing="h1", kind="trial", status=status, day=cases.TODAY + timedelta(days=days), notice="lawful"
    )


def refused(one, command, code):
    with pytest.raises(Refused) as caught:
        one.when(command)
    assert caught.value.code == code
    return caught.value


def absent(one, command):
    with pytest.raises(NotFound):
        one.when(command)
