from __future__ import annotations

from datetime import date

import pytest

from services.legal.domain.act import Act
from services.legal.domain.identification import Feasibility, feasibility, retention, who_may_ask
from services.legal.domain.qualification import candidates
from services.legal.rules import load
from services.legal.rules.vocabulary import ActKind, Authority, DataClass, Fact

BOOK = load()
DAY = date(2026, 9, 1)
TODAY = date(2026, 11, 22)


def found(
    offence: str,
    *kinds: ActKind,
    facts: tuple[Fact, ...] = (),
    excluded: tuple[Fact, ...] = (),
    today: date = TODAY,
    **closed: date,
) -> dict[DataClass, Feasibility]:
    act = Act(id="a", day=DAY, kinds=kinds, facts=facts, excluded=excluded)
    [candidate] = [one for one in candidates(BOOK, act) if one.offence == f"offence.{offence}"]
    return {one.data_class: one for one in feasibility(BOOK, act, candidate, today, **closed)}


def test_a_minor_harassed_online_opens_the_gate() -> None:
    technical = found("harassment", ActKind.REPEATED_MESSAGES, facts=(Fact.ONLINE, Fact.VICTIM_MINOR))[
        DataClass.TECHNICAL
    ]
    assert (technical.outcome, technical.reason, technical.path) == ("possible", "gate-open", "serious-offence")
    assert technical.binding_route is Authority.POLICE
    assert technical.countdown.keep_until == date(2027, 9, 1)
    assert technical.countdown.days_left == 283


def test_a_plain_public_insult_gives_identity_but_not_technical_data() -> None:
    by_class = found("public-insult", ActKind.INSULT, facts=(Fact.PUBLIC, Fact.ONLINE), excluded=(Fact.HATE_GROUND,))
    technical, identity, account = (
        by_class[data] for data in (DataClass.TECHNICAL, DataClass.IDENTITY, DataClass.ACCOUNT)
    )
    assert (technical.outcome, technical.reason) == ("not-lawful", "penalty-too-low")
    assert (technical.who_may_ask, technical.binding_route, technical.path) == ((), None, None)
    assert (identity.outcome, identity.binding_route) == ("possible", Authority.POLICE)
    assert (account.outcome, account.reason) == ("doubtful", "doubtful-for-this-kind-of-offence")


def test_a_hate_ground_nobody_has_told_yet_leaves_it_doubtful() -> None:
    technical = found("public-insult", ActKind.INSULT, facts=(Fact.PUBLIC, Fact.ONLINE))[DataClass.TECHNICAL]
    assert (technical.outcome, technical.reason) == ("doubtful", "depends-on-open-circumstances")


def test_a_qualification_that_is_only_possible_leaves_it_doubtful() -> None:
    technical = found("school-harassment", ActKind.REPEATED_MESSAGES, facts=(Fact.ONLINE,))[DataClass.TECHNICAL]
    assert (technical.outcome, technical.reason) == ("doubtful", "qualification-only-possible")


def test_one_year_offences_need_a_network() -> None:
    online = found("identity-theft", ActKind.IDENTITY_THEFT, facts=(Fact.ONLINE,))[DataClass.TECHNICAL]
    offline = found("identity-theft", ActKind.IDENTITY_THEFT, excluded=(Fact.ONLINE, Fact.VICTIM_DEVICE))[
        DataClass.TECHNICAL
    ]
    assert (online.outcome, online.path) == ("possible", "network-only-to-identify")
    assert offline.outcome == "not-lawful"


def test_traces_of_a_year_ago_need_not_be_kept_any_more() -> None:
    facts = (Fact.ONLINE, Fact.VICTIM_MINOR)
    last = found("harassment", ActKind.REPEATED_MESSAGES, facts=facts, today=date(2027, 9, 1))[DataClass.TECHNICAL]
    gone = found("harassment", ActKind.REPEATED_MESSAGES, facts=facts, today=date(2027, 9, 2))[DataClass.TECHNICAL]
    assert (last.outcome, last.countdown.days_left) == ("possible", 0)
    assert (gone.outcome, gone.reason, gone.binding_route) == ("expired", "data-no-longer-kept", None)


def test_what_is_not_lawful_stays_so_after_the_data_are_gone() -> None:
    insult = found(
        "public-insult",
        ActKind.INSULT,
        facts=(Fact.PUBLIC, Fact.ONLINE),
        excluded=(Fact.HATE_GROUND,),
        today=date(2028, 1, 1),
    )
    assert insult[DataClass.TECHNICAL].outcome == "not-lawful"


def test_a_closed_account_and_an_ended_contract_start_their_countdowns() -> None:
    by_class = found(
        "harassment",
        ActKind.REPEATED_MESSAGES,
        account_closed_on=date(2025, 10, 1),
        contract_ended_on=date(2026, 10, 1),
    )
    assert by_class[DataClass.ACCOUNT].outcome == "expired"
    assert by_class[DataClass.IDENTITY].countdown.keep_until == date(2031, 10, 1)
    running = retention(BOOK, Act(id="a", day=DAY), TODAY)
    assert [one.keep_until for one in running if one.data_class is not DataClass.TECHNICAL] == [None, None]


def test_a_private_request_binds_nobody_and_the_answer_cites_it() -> None:
    for one in found("harassment", ActKind.RAID).values():
        assert one.private_request_binds is False
        assert "identification.private-request" in {basis.rule for basis in one.grounds.rules}
        assert one.grounds.to_confirm_by_lawyer
        assert Feasibility.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (DataClass.TECHNICAL, ["police", "prosecutor", "investigating-judge"]),
        (DataClass.IDENTITY, ["police", "prosecutor", "investigating-judge", "eu-order", "civil-judge"]),
    ],
)
def test_who_may_ask_is_shown_in_order(data: DataClass, names: list[str]) -> None:
    assert [one.authority.value for one in who_may_ask(BOOK, data, TODAY)] == names


def test_the_civil_judges_conditions_vary() -> None:
    assert [one.conditions_vary for one in who_may_ask(BOOK, DataClass.IDENTITY, TODAY)][-1]


def test_an_unverified_rule_makes_the_answer_general() -> None:
    assert found("threats", ActKind.THREAT, facts=(Fact.DEATH_THREAT,))[DataClass.TECHNICAL].grounds.status == "general"
    assert found("harassment", ActKind.RAID)[DataClass.IDENTITY].grounds.status == "sourced"
