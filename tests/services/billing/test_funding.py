from __future__ import annotations

import pytest

from services.billing.domain.commands import GiveUp
from services.billing.domain.register import ConfirmInvoice
from services.billing.domain.standing import status
from services.billing.domain.terms import COVER_ANSWER
from services.billing.service import service
from shared.contracts.billing import CoverAsked, CoverDecided, FundingChosen
from shared.contracts.intake import CaseUpdated, Facets
from shared.contracts.partners import Cover
from shared.errors import NotFound, Refused
from shared.money import Money
from tests.given import CASE, NOON, Given
from tests.services.billing.facts import (
    APPROVED,
    ELIGIBLE,
    ERASED,
    FROZEN,
    MINOR,
    OPENED,
    PLANNED,
    SEALED,
    account,
    answer,
    billed,
    choose,
    insurer,
    later,
    names,
    paid,
)


def refused(code, given, command, **about):
    with pytest.raises(Refused) as caught:
        given.when(command)
    assert caught.value.code == code
    for name, value in about.items():
        assert getattr(caught.value, name) == value


def test_a_diagnosis_costs_nothing():
    given = account(ELIGIBLE)
    assert given.at() == ()
    assert status(given.state) == "choose-funding"


def test_before_the_diagnosis_there_is_nothing_to_choose():
    assert status(account().state) == "free"


def test_the_person_may_choose_to_pay_and_is_asked_only_after_a_lawyer_approved():
    given = account()
    assert given.when(choose("person")) == (FundingChosen(choice="person"),)
    assert status(given.state) == "ready"
    assert names(given.facts(APPROVED).at()) == ["payment-requested"]


def test_the_insurer_is_asked_on_an_explicit_yes():
    given = account(APPROVED)
    assert given.when(insurer()) == (
        FundingChosen(choice="insurer", insurer="maif"),
        CoverAsked(cover="cover-1", insurer="maif", sealed_policy=SEALED),
    )
    assert status(given.state) == "cover-pending"
    assert given.jobs == []


def test_the_insurer_is_not_asked_without_having_shown_who_receives_its_letters():
    given = account()
    refused("consent-needed", given, insurer(consent_shown_recipient=False), field="consent_shown_recipient")
    assert given.state.covers == {}


@pytest.mark.parametrize("missing", ["insurer", "cover", "sealed_policy"])
def test_the_insurer_is_not_asked_half(missing):
    refused("insurer-needed", account(), insurer(**{missing: None}), field="insurer")


def test_not_safe_leads_straight_to_legal_aid_and_closes_the_insurers_way():
    given = account()
    assert given.when(insurer(safe=False)) == (FundingChosen(choice="legal-aid"),)
    assert status(given.state) == "legal-aid"
    refused("insurer-closed", given, insurer(), field="choice")
    assert given.when(choose("person")) == (FundingChosen(choice="person"),)
    refused("insurer-closed", given, insurer())


def test_somebody_who_is_not_safe_keeps_the_insurer_out():
    refused("insurer-closed", account(FROZEN), insurer())


def test_an_accepted_access_does_not_keep_the_insurer_out():
    assert account(FROZEN.model_copy(update={"status": "accepted"})).when(insurer())


def test_legal_aid_asks_nothing_of_the_person():
    given = account(APPROVED)
    assert given.when(choose("legal-aid")) == (FundingChosen(choice="legal-aid"),)


def test_a_repeated_choice_says_nothing_new():
    given = account()
    given.when(choose("person"))
    assert given.when(choose("person")) == ()
    other = account()
    other.when(insurer())
    assert other.when(insurer()) == ()


def test_a_second_insurer_waits_for_the_first():
    given = account()
    given.when(insurer())
    refused("cover-asked", given, insurer("cover-2"), conflict=True)
    given.when(answer("accepted"))
    refused("cover-asked", given, insurer("cover-2"))


def test_after_a_refusal_another_insurer_can_be_asked():
    given = account(APPROVED)
    given.when(insurer())
    given.when(answer("refused"))
    assert names(given.when(insurer("cover-2"))) == ["funding-chosen", "cover-asked"]
    assert status(given.state) == "cover-pending"


def test_nothing_is_chosen_in_an_unknown_or_erased_case():
    for given in (Given(service, "case"), account(ERASED)):
        with pytest.raises(NotFound):
            given.when(choose("person"))


def test_nothing_is_chosen_once_the_case_is_to_be_forgotten():
    refused("case-ending", account(PLANNED), choose("person"))


def test_nothing_is_chosen_once_it_is_paid():
    given = billed()
    given.when(paid())
    refused("already-paid", given, choose("legal-aid"), conflict=True)


def test_a_minor_alone_signs_no_fee_agreement():
    refused("minor-cannot-pay", account(MINOR), choose("person"), field="choice")
    assert account(MINOR).when(choose("person", role="guardian"))
    assert account(MINOR).when(choose("legal-aid"))
    assert account(CaseUpdated(facets=Facets(persona="victim", minor=False))).when(choose("person"))


def test_the_insurer_accepts():
    given = account()
    given.when(insurer())
    ceiling = Money(cents=5000)
    assert given.when(answer(ceiling=ceiling)) == (CoverDecided(cover="cover-1", decision="accepted", ceiling=ceiling),)
    assert given.when(answer(ceiling=ceiling)) == ()
    assert status(given.state) == "covered"
    refused("already-accepted", given, answer("refused"), conflict=True)


def test_a_refusal_makes_the_person_pay_and_a_later_acceptance_counts():
    given = account(APPROVED)
    given.when(insurer())
    assert names(given.when(answer("refused"))) == ["cover-decided", "payment-requested"]
    assert status(given.state) == "payment-due"
    assert names(given.when(answer("accepted"))) == ["cover-decided", "payment-requested"]
    assert status(given.state) == "covered"


@pytest.mark.parametrize("wrong", [{"cover": "cover-2"}, {"insurer": "macif"}])
def test_an_answer_of_another_insurer_or_about_another_cover_is_refused(wrong):
    given = account()
    given.when(insurer())
    refused("unknown-cover", given, answer(**wrong), field="cover")


def test_silence_counts_as_an_answer_after_thirty_days_and_not_before():
    given = account(APPROVED)
    given.when(insurer())
    assert COVER_ANSWER.days == 30
    assert given.loaded.wake == later(30)
    assert given.at(later(29)) == ()
    said = given.at(later(30))
    assert said[0] == CoverDecided(cover="cover-1", decision="no-answer")
    assert names(said) == ["cover-decided", "payment-requested"]
    assert given.loaded.wake is None
    assert given.at(later(31)) == ()


def test_the_insurers_answer_stops_the_waiting():
    given = account()
    given.when(insurer())
    given.when(answer("refused"))
    assert given.loaded.wake is None


def test_nobody_waits_for_an_insurer_of_a_case_to_be_forgotten():
    given = account()
    given.when(insurer())
    given.facts(PLANNED).at(later(40))
    assert given.loaded.wake is None
    assert given.state.covers["cover-1"].decision is None


def test_a_partners_message_is_confirmed_before_it_binds():
    [acceptance] = service.accepts
    assert acceptance.confirmed
    message = Cover(id="m1", partner="maif", case=CASE, cover="cover-1", decision="accepted", ceiling=Money(cents=1))
    assert acceptance.command(message, CASE, NOON) == answer(ceiling=Money(cents=1))


def test_the_outside_finds_the_case_by_payment_and_by_cover():
    given = account(APPROVED)
    given.when(insurer())
    given.when(answer("refused"))
    [payment] = given.state.requests
    references = service.aggregate("case").references(given.state)
    assert set(references) == {f"payment:{payment}", "partner:cover-1"}


def test_a_job_that_cannot_be_done_is_refused_so_that_the_case_is_held():
    refused("job-failed", account(), GiveUp(case=CASE, kind="refund", reason="provider-refused"))


def test_a_command_of_another_aggregate_is_a_mistake_of_ours():
    with pytest.raises(TypeError):
        account().when(ConfirmInvoice(case=CASE, invoice="i1", year=2026))


def test_an_erased_case_keeps_nothing_sealed():
    given = Given(service, "case").facts(ERASED, OPENED)
    assert given.state.contact.value is None
