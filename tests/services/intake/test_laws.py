from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import strategies as st

from services.intake.domain import commands as asked
from services.intake.domain.ending import under_way
from services.intake.service import service
from shared.contracts.billing import PaymentReceived
from shared.contracts.everyone import ErasureCleared, ErasureObjected, RecordViewed
from shared.contracts.legal import (
    CaseDiagnosed,
    ComplaintAnswered,
    ComplaintApproved,
    ComplaintDrafted,
    ComplaintFiled,
    DeadlineThreatened,
    HearingScheduled,
    HoldLifted,
    HoldPlaced,
    JudgmentGiven,
    LimitationComputed,
)
from shared.money import Money
from tests.given import CASE
from tests.laws import AGE_MARK, AggregateLaws, Foreign
from tests.services.intake import cases

DAYS = st.dates(date(2026, 10, 1), date(2027, 3, 1))
NAMES = st.sampled_from(["one", "two"])
ERASURES = st.sampled_from([cases.ERASURE, "erasure-2"])
EURO = Money(cents=8000, currency="EUR")


def foreign() -> st.SearchStrategy[Foreign]:
    others = st.sampled_from(["evidence", "legal", "billing", "notify"])
    said = st.one_of(
        st.builds(
            DeadlineThreatened,
            deadline=NAMES,
            kind=st.sampled_from(["press-limit", "data-retention", "hearing"]),
            last_day=DAYS,
        ),
        st.builds(LimitationComputed, limits=st.just(()), earliest=st.none() | DAYS),
        st.builds(HoldPlaced, hold=NAMES, reason=st.just("judicial"), until=st.none() | DAYS),
        st.builds(HoldLifted, hold=NAMES),
        st.builds(
            CaseDiagnosed,
            diagnosis=NAMES,
            eligible=st.booleans(),
            offences=st.just(()),
            limits=st.just(()),
            feasibility=st.just(()),
            solidity=st.sampled_from("ABCD"),
            options=st.just(("complaint",)),
            approved_by=st.just(cases.LAWYER),
        ),
        st.builds(
            ComplaintDrafted,
            complaint=NAMES,
            draft=st.integers(1, 3),
            procedure=st.just("simple"),
            commitment=st.just("e" * 64),
            sealed_digest=st.just(cases.sealed()),
            exhibits=st.just(()),
        ),
        st.builds(
            ComplaintApproved,
            complaint=NAMES,
            draft=st.integers(1, 3),
            procedure=st.just("simple"),
            commitment=st.just("e" * 64),
            approved_by=st.just(cases.LAWYER),
        ),
        st.builds(
            ComplaintFiled,
            complaint=NAMES,
            draft=st.integers(1, 3),
            procedure=st.just("simple"),
            mode=st.just("electronic"),
            day=DAYS,
            sealed_receipt=st.just(cases.sealed()),
        ),
        st.builds(
            ComplaintAnswered,
            answer_id=NAMES,
            complaint=NAMES,
            answer=st.just("registered"),
            day=st.just(date(2026, 11, 2)),
        ),
        st.builds(
            HearingScheduled,
            hearing=NAMES,
            kind=st.just("trial"),
            status=st.sampled_from(["scheduled", "moved", "held"]),
            day=DAYS,
            notice=st.just("lawful"),
        ),
        st.builds(
            JudgmentGiven,
            judgment=NAMES,
            hearing=NAMES,
            outcome=st.just("convicted"),
            day=DAYS,
            costs=st.just(EURO),
        ),
        st.builds(
            PaymentReceived,
            payment=NAMES,
            amount=st.just(EURO),
            payer=st.just("person"),
            provider_reference=NAMES,
        ),
    )
    cleared = st.builds(
        Foreign, st.builds(ErasureCleared, erasure=ERASURES, kept=st.just({"invoices": 1})), source=others
    )
    objected = st.builds(
        Foreign, st.builds(ErasureObjected, erasure=st.just("erasure-2"), reason=st.just("judicial")), source=others
    )
    return st.one_of(st.builds(Foreign, said), cleared, objected)


COMMANDS: list[Any] = [
    cases.opening(danger=True),
    cases.opening("witness", holder=cases.WITNESS),
    cases.update(danger=True),
    cases.update(facets=cases.facets(spreading=True, acts=(cases.act(kind="fake-image"),))),
    asked.ChangeAccount(case=CASE, by=cases.VICTIM, sealed_account=cases.sealed("again"), account_seen=1),
    cases.invitation(),
    cases.invitation(role="guardian", access=cases.THIRD, holder="holder-guardian", account_seen=3),
    cases.acceptance(),
    cases.acceptance(cases.THIRD, "holder-guardian"),
    asked.Revoke(case=CASE, by=cases.VICTIM, access=cases.OTHER),
    asked.Freeze(case=CASE, by=cases.VICTIM, access=cases.THIRD),
    cases.assignment(),
    cases.assignment(cases.LAWYER, "lawyer"),
    asked.CheckAuthority(case=CASE, by=cases.STAFF, access=cases.THIRD),
    asked.ProveIdentity(case=CASE, by=cases.STAFF, means="in-person"),
    asked.CloseCase(case=CASE, by=cases.STAFF, reason="solved"),
    cases.erasing(),
    cases.erasing(erasure="erasure-2"),
    cases.destroyed(),
    asked.DestructionFailed(case=CASE, erasure=cases.ERASURE),
]

CLEARED = [
    Foreign(ErasureCleared(erasure=cases.ERASURE), source=one) for one in ("evidence", "legal", "billing", "notify")
]


def changing() -> st.SearchStrategy[Foreign]:
    """One deadline, one hearing, one hold, each told anew: the newer value must win in any order."""
    one = st.just("one")
    return st.one_of(
        st.builds(
            Foreign,
            st.builds(DeadlineThreatened, deadline=one, kind=st.just("limitation"), last_day=DAYS),
        ),
        st.builds(
            Foreign,
            st.builds(
                HearingScheduled,
                hearing=one,
                kind=st.just("trial"),
                status=st.just("moved"),
                day=DAYS,
                notice=st.just("lawful"),
            ),
        ),
        st.builds(Foreign, st.builds(HoldPlaced, hold=one, reason=st.just("judicial"), until=DAYS)),
    )


class TestTheCaseObeysTheLaws(AggregateLaws):
    service = service
    aggregate = "case"
    histories = st.one_of(
        st.builds(
            lambda items: [cases.opening(), *items],
            st.lists(st.one_of(foreign(), st.sampled_from(COMMANDS)), max_size=14),
        ),
        st.lists(st.one_of(foreign(), st.sampled_from(COMMANDS)), max_size=14),
        st.builds(lambda items: [cases.opening(), *items], st.lists(changing(), min_size=2, max_size=6)),
        st.permutations([cases.opening(), *CLEARED, cases.erasing(), cases.destroyed()]),
    )


class TestTheLedgerObeysTheLaws(AggregateLaws):
    service = service
    aggregate = "ledger"
    histories = st.lists(
        st.one_of(
            st.builds(
                Foreign,
                st.builds(
                    RecordViewed,
                    viewer=NAMES,
                    role=st.just("lawyer"),
                    record=st.sampled_from(["exhibit", "diagnosis"]),
                    record_id=NAMES,
                ),
                source=st.sampled_from(["evidence", "legal"]),
            ),
            st.builds(
                asked.RecordView,
                case=st.just(CASE),
                viewer=NAMES,
                role=st.just("case-worker"),
                record=st.just("dossier"),
            ),
        ),
        max_size=12,
    )


def test_an_erased_case_keeps_nothing_sealed_whatever_still_comes():
    laws = TestTheCaseObeysTheLaws()
    from tests.laws import recorded

    items = recorded([cases.opening(), cases.erasing(), *CLEARED, cases.destroyed()])
    loaded, own = laws.play(items)
    assert loaded.state.file.erased
    assert AGE_MARK not in loaded.state.model_dump_json()
    assert loaded.state.certificate == cases.DIGEST
    assert not loaded.state.timeline
    assert under_way(loaded.state) is None
    assert [one.name for one in own] == ["case-opened", "access-granted", "erasure-planned", "case-erased"]


def test_the_alarm_of_the_test_above_would_ring():
    laws = TestTheCaseObeysTheLaws()
    loaded, _ = laws.play([cases.opening()])
    assert AGE_MARK in loaded.state.model_dump_json()


def test_a_name_that_another_service_owns_cannot_be_published():
    with pytest.raises(ValueError, match="owns it"):
        type(service)(name="intake", aggregates=service.aggregates, publishes=(HoldPlaced,), follows=())
