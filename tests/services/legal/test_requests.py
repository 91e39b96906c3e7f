from __future__ import annotations

from datetime import date

import pytest

from services.legal.domain.case import references
from services.legal.domain.requests import (
    AnswerRemoval,
    IdentifyAuthor,
    RequestIdentification,
    RequestPreservation,
    RequestRemoval,
    from_platform,
)
from shared.contracts.legal import DeadlineThreatened
from shared.contracts.partners import Preservation
from shared.errors import NotFound, Refused
from tests.given import CASE, NOON
from tests.services.legal import affairs
from tests.services.legal.affairs import TODAY, act, at, case, days, of


def removal(name="removal-1", day=TODAY, **other):
    values = {"step": "platform-notice", "sealed_target": affairs.sealed("url"), "asked_by": affairs.WORKER, **other}
    return RequestRemoval(case=CASE, removal=name, day=day, **values)


def removed(name="answer-1", day=TODAY, **other):
    values = {"removal": "removal-1", "answer": "removed", "told_by": affairs.WORKER, **other}
    return AnswerRemoval(case=CASE, answer_id=name, day=day, **values)


def preservation(name="kept-1", day=TODAY, data="technical", **other):
    values = {"act": "act-1", "sealed_target": affairs.sealed("account"), "asked_by": affairs.WORKER, **other}
    return RequestPreservation(case=CASE, preservation=name, data=data, day=day, **values)


def identification(name="who-1", day=TODAY, **other):
    values = {"author": "author-1", "authority": "police", "data": "technical", "asked_by": affairs.WORKER, **other}
    return RequestIdentification(case=CASE, identification=name, day=day, **values)


def identified(name="who-1", day=TODAY, **other):
    values = {"sealed_identity": affairs.sealed("name"), "told_by": affairs.LAWYER, **other}
    return IdentifyAuthor(case=CASE, identification=name, day=day, **values)


def refused(found, command):
    with pytest.raises(Refused) as refusal:
        found.when(command)
    return refusal.value


def test_each_step_of_a_removal_is_dated_and_followed():
    found = case()
    assert "removal-requested" in affairs.names(found.when(removal()))
    assert found.when(removal()) == ()
    assert of(found.when(removed()), "removal-answered").answer == "removed"
    assert found.when(removed()) == ()
    assert found.state.removals["removal-1"].answers == {"answer-1": ("removed", TODAY)}


def test_a_removal_is_not_dated_in_the_future_nor_answered_before_it_was_asked():
    found = case()
    assert refused(found, removal(day=days(1))).code == "day-in-future"
    found.when(removal())
    assert refused(found, removed(day=days(1))).code == "day-in-future"
    assert refused(found, removed(day=days(-1))).code == "day-too-early"
    with pytest.raises(NotFound):
        found.when(removed(removal="removal-2"))


def test_a_preservation_request_carries_the_day_on_which_the_data_may_go():
    found = case(act(day=date(2026, 6, 1)))
    said = of(found.when(preservation()), "preservation-requested")
    assert said.expires == date(2027, 6, 1)
    assert found.when(preservation()) == ()


def test_account_data_count_down_from_the_closing_that_somebody_knows():
    found = case()
    refusal = refused(found, preservation(data="account"))
    assert (refusal.code, refusal.field) == ("expiry-unknown", "since")
    found.when(preservation(data="account", since=date(2026, 10, 1)))
    assert found.state.preservations["kept-1"].expires == date(2027, 10, 1)


def test_data_that_are_no_longer_kept_are_not_asked_for():
    assert refused(case(act(day=date(2025, 1, 1))), preservation()).code == "data-expired"


def test_a_preservation_request_names_an_act_of_the_case():
    assert refused(case(), preservation(act="act-9")).code == "act-unknown"
    assert refused(case(), preservation(day=days(1))).code == "day-in-future"


def test_an_authority_is_asked_to_identify_and_answers():
    found = case()
    found.when(identification())
    assert found.when(identification()) == ()
    assert of(found.when(identified()), "author-identified").author == "author-1"
    assert found.when(identified()) == ()
    assert found.state.secret("author.who-1") == affairs.sealed("name")


def test_an_identity_needs_a_request_before_it():
    found = case()
    with pytest.raises(NotFound):
        found.when(identified())
    found.when(identification())
    assert refused(found, identified(day=days(-1))).code == "day-too-early"
    assert refused(found, identified(day=days(1))).code == "day-in-future"


def test_an_authority_is_asked_for_what_it_may_ask():
    refusal = refused(case(), identification(authority="civil-judge", data="technical"))
    assert (refusal.code, refusal.field) == ("not-a-choice", "authority")
    assert "police" in str(refusal)
    assert refused(case(), identification(day=days(1))).code == "day-in-future"


def test_once_an_authority_asks_for_technical_data_their_end_pages_nobody():
    def retention(events):
        return [one for one in events if isinstance(one, DeadlineThreatened) and one.kind == "data-retention"]

    found = case(act(kind="threat"))
    found.when(identification())
    assert not retention(found.at(at(days(350))))
    other = case(act(kind="threat"))
    other.when(identification(data="identity"))
    assert retention(other.at(at(days(350))))


@pytest.mark.parametrize("command", [removal, removed, preservation, identification, identified])
def test_only_the_team_asks(command):
    name = "told_by" if command in {removed, identified} else "asked_by"
    with pytest.raises(NotFound):
        case().when(command(**{name: affairs.VICTIM}))


def test_a_platform_answers_a_preservation_request_once():
    found = case()
    found.when(preservation())
    message = Preservation(id="m-1", partner="papotis", preservation="kept-1", answer="acknowledged")
    answered = from_platform(message, CASE, NOON)
    assert of(found.when(answered), "preservation-answered").answer == "acknowledged"
    assert found.when(answered) == ()
    assert list(found.state.preservations["kept-1"].answers.values()) == [("acknowledged", TODAY)]
    with pytest.raises(NotFound):
        found.when(from_platform(message.model_copy(update={"preservation": "kept-9"}), CASE, NOON))


def test_a_platform_may_name_the_case_by_the_request():
    found = case()
    found.when(preservation())
    assert "partner:kept-1" in references(found.state)
