from __future__ import annotations

import pytest
from hypothesis import strategies as st

from services.evidence.domain.case import MAX_EXHIBITS, CaseState
from services.evidence.domain.exhibit import (
    ExhibitState,
    ForgetExhibit,
    ObjectsDeleted,
    TimestampImpossible,
    TimestampObtained,
    Withdraw,
    evolve,
)
from services.evidence.service import service
from shared.casefile import CASE_EVENTS
from shared.contracts.evidence import (
    EvidenceRefused,
    EvidenceTimestamped,
    EvidenceUploaded,
    EvidenceWithdrawn,
)
from shared.contracts.legal import HoldPlaced
from shared.errors import NotFound, Refused, Unavailable
from tests.given import CASE, Given, followed
from tests.laws import AGE_MARK, AggregateLaws
from tests.services.evidence.facts import (
    CLOSED,
    ERASED,
    EXHIBIT,
    GEN_TIME,
    OPENED,
    PLANNED,
    SEALED,
    upload,
)

HOLD = HoldPlaced(hold="hold-1", reason="proceedings")
STAMPED = TimestampObtained(
    case=CASE,
    exhibit=EXHIBIT,
    gen_time=GEN_TIME,
    authority="A timestamp authority",
    policy="1.2.3",
    qualification="unknown",
    token=f"{EXHIBIT}.1.tsr",
)
IMPOSSIBLE = TimestampImpossible(case=CASE, exhibit=EXHIBIT, reason="details-unreadable")
FORGET = ForgetExhibit(case=CASE, exhibit=EXHIBIT)
DELETED = ObjectsDeleted(case=CASE, exhibit=EXHIBIT)


def taken_back(role="victim", *, deposited=False, case=CASE) -> Withdraw:
    return Withdraw(case=case, exhibit=EXHIBIT, role=role, deposited=deposited)


def case_of(*facts) -> CaseState:
    state: CaseState = Given(service, "case").facts(*facts).state
    return state


def exhibit(*facts) -> Given:
    return Given(service, "exhibit", key=EXHIBIT, parent=case_of(*(facts or (OPENED,))))


def within(given: Given, *facts) -> Given:
    given.parent = case_of(*facts)
    return given


def jobs(given: Given, kind: str) -> list[str]:
    return [job.subject for job in given.jobs if job.kind == kind]


def test_an_upload_is_a_fact_and_is_to_be_timestamped():
    given = exhibit()
    events = given.when(upload())
    assert events == (EvidenceUploaded(**upload().model_dump(exclude={"case"})),)
    assert jobs(given, "timestamp") == [EXHIBIT]
    assert given.state.usable


def test_a_command_goes_to_its_exhibit():
    assert upload().key == EXHIBIT
    assert upload().aggregate == "exhibit"


def test_the_same_upload_twice_is_one():
    given = exhibit()
    given.when(upload())
    assert given.when(upload()) == ()


def test_another_file_under_the_same_id_is_refused():
    given = exhibit()
    given.when(upload())
    with pytest.raises(Refused, match="upload the file again"):
        given.when(upload(commitment="c" * 64))


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((OPENED, CLOSED), "case-closed"),
        ((OPENED, PLANNED), "erasure-planned"),
        ((PLANNED, OPENED, CLOSED), "erasure-planned"),
    ],
)
def test_a_case_that_ends_takes_nothing_in(facts, code):
    with pytest.raises(Refused) as refusal:
        exhibit(*facts).when(upload())
    assert refusal.value.code == code
    assert refusal.value.conflict


def test_a_case_that_is_not_known_yet_is_asked_for_again():
    with pytest.raises(Unavailable) as refusal:
        exhibit(CLOSED).when(upload())
    assert refusal.value.retry_after == 1


def test_an_erased_case_is_not_there():
    with pytest.raises(NotFound):
        exhibit(OPENED, PLANNED, ERASED).when(upload())


def test_a_full_case_takes_no_more():
    given = exhibit()
    given.parent = given.parent.model_copy(update={"exhibits": frozenset(map(str, range(MAX_EXHIBITS)))})
    with pytest.raises(Refused) as refusal:
        given.when(upload())
    assert refusal.value.code == "too-many-exhibits"


def test_an_accountant_deposits_nothing():
    with pytest.raises(NotFound):
        exhibit().when(upload(uploader_role="accountant"))


def test_a_token_settles_the_asking():
    given = exhibit()
    given.when(upload())
    given.jobs.clear()
    assert given.when(STAMPED) == (EvidenceTimestamped(**STAMPED.model_dump(exclude={"case"})),)
    assert given.state.stamp.token == f"{EXHIBIT}.1.tsr"
    assert given.when(STAMPED.model_copy(update={"token": "another"})) == ()
    assert given.jobs == []


def test_an_exhibit_whose_digest_cannot_be_read_is_refused_once():
    given = exhibit()
    given.when(upload())
    given.jobs.clear()
    assert given.when(IMPOSSIBLE) == (EvidenceRefused(exhibit=EXHIBIT, reason="details-unreadable"),)
    assert given.when(IMPOSSIBLE) == ()
    assert not given.state.usable
    assert given.jobs == []


def test_a_timestamped_exhibit_is_never_refused_for_lack_of_one():
    given = exhibit()
    given.when(upload())
    given.when(STAMPED)
    assert given.when(IMPOSSIBLE) == ()


@pytest.mark.parametrize("command", [taken_back(), taken_back("witness", deposited=True)])
def test_the_victim_or_the_depositor_takes_it_back_for_good(command):
    given = exhibit()
    given.when(upload(uploader_role="witness"))
    assert given.when(command) == (EvidenceWithdrawn(exhibit=EXHIBIT),)
    assert jobs(given, "delete-objects") == [EXHIBIT]
    assert AGE_MARK not in given.state.model_dump_json()
    assert given.when(command) == ()
    assert given.when(DELETED) == ()
    with pytest.raises(Refused):
        given.when(upload(commitment="d" * 64))


@pytest.mark.parametrize(
    "command",
    [taken_back("witness"), taken_back("lawyer"), taken_back(case="33333333-3333-4333-8333-333333333333")],
)
def test_nobody_else_takes_it_back(command):
    given = exhibit()
    given.when(upload())
    with pytest.raises(NotFound):
        given.when(command)


def test_what_was_never_there_is_not_taken_back():
    with pytest.raises(NotFound):
        exhibit().when(taken_back())


def test_a_hold_keeps_an_exhibit():
    given = exhibit(OPENED, HOLD)
    given.when(upload())
    with pytest.raises(Refused) as refusal:
        given.when(taken_back())
    assert refusal.value.code == "on-hold"


def test_a_token_that_comes_too_late_is_deleted():
    given = exhibit()
    given.when(upload())
    given.when(taken_back())
    assert given.when(STAMPED) == ()
    assert jobs(given, "delete-objects") == [EXHIBIT, STAMPED.token]
    assert given.when(IMPOSSIBLE) == ()


def test_the_erasure_of_the_case_reaches_the_exhibit():
    given = exhibit()
    given.when(upload())
    within(given, OPENED, PLANNED)
    assert given.when(FORGET) == (EvidenceWithdrawn(exhibit=EXHIBIT, reason="erased"),)
    assert SEALED not in given.state.model_dump_json()
    assert given.when(FORGET) == ()


def test_there_is_nothing_to_forget_where_nothing_was():
    assert exhibit(OPENED, PLANNED).when(FORGET) == ()


@pytest.mark.parametrize("facts", [(OPENED,), (OPENED, PLANNED, HOLD)])
def test_nothing_is_forgotten_without_a_plan_or_under_a_hold(facts):
    given = exhibit(OPENED)
    given.when(upload())
    with pytest.raises(Refused) as refusal:
        within(given, *facts).when(FORGET)
    assert refusal.value.code == "no-erasure"


def test_sealed_details_that_come_after_the_tombstone_are_not_kept():
    state = ExhibitState()
    state = evolve(state, followed(EvidenceWithdrawn(exhibit=EXHIBIT), sequence=2))
    state = evolve(state, followed(EvidenceUploaded(**upload().model_dump(exclude={"case"}))))
    assert state.sealed_details is None
    assert not state.usable


def test_other_facts_leave_an_exhibit_as_it_is():
    state = ExhibitState()
    assert evolve(state, followed(OPENED)) == state


def test_evidence_follows_the_whole_case():
    assert set(CASE_EVENTS) <= set(service.follows)


class TestLaws(AggregateLaws):
    service = service
    aggregate = "exhibit"
    key = EXHIBIT
    parent = case_of(OPENED)
    histories = st.lists(
        st.sampled_from(
            [upload(), upload(commitment="c" * 64), STAMPED, IMPOSSIBLE, taken_back(), taken_back("witness"), DELETED]
        ),
        max_size=8,
    )


class TestLawsOfACaseBeingForgotten(TestLaws):
    parent = case_of(OPENED, PLANNED)
    histories = st.lists(st.sampled_from([upload(), STAMPED, taken_back(), FORGET]), max_size=8)
