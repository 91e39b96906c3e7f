from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.legal.domain.act import Act
from services.legal.domain.qualification import Candidate, candidates
from services.legal.rules import load
from services.legal.rules.vocabulary import ActKind, Fact, Regime

BOOK = load()
DAY = date(2026, 3, 10)
KINDS = st.lists(st.sampled_from(ActKind), unique=True, max_size=3)
FACTS = st.lists(st.sampled_from(Fact), unique=True, max_size=6)


def offences(*kinds: ActKind, facts: tuple[Fact, ...] = (), excluded: tuple[Fact, ...] = ()) -> dict[str, Candidate]:
    act = Act(id="a", day=DAY, kinds=kinds, facts=facts, excluded=excluded)
    return {one.offence.removeprefix("offence."): one for one in candidates(BOOK, act)}


def test_a_minor_harassed_online_is_two_aggravations_and_three_years() -> None:
    found = offences(ActKind.REPEATED_MESSAGES, facts=(Fact.ONLINE, Fact.VICTIM_MINOR))["harassment"]
    assert found.certainty == "established"
    assert (found.penalty.prison_months, found.penalty.fine_cents) == (36, 45_000_00)
    assert found.penalty.aggravations == (Fact.VICTIM_MINOR, Fact.ONLINE)


@pytest.mark.parametrize(
    ("offence", "kind", "facts", "months", "euros"),
    [
        ("harassment", ActKind.RAID, (), 12, 15_000),
        ("harassment", ActKind.RAID, (Fact.ONLINE,), 24, 30_000),
        ("harassment", ActKind.RAID, (Fact.LONG_INCAPACITY, Fact.MINOR_PRESENT), 36, 45_000),
        ("harassment", ActKind.RAID, (Fact.VULNERABLE, Fact.ELECTED_OFFICIAL), 36, 45_000),
        ("school-harassment", ActKind.RAID, (Fact.SCHOOL,), 36, 45_000),
        ("school-harassment", ActKind.RAID, (Fact.SCHOOL, Fact.LONG_INCAPACITY), 60, 75_000),
        ("school-harassment", ActKind.RAID, (Fact.SCHOOL, Fact.LONG_INCAPACITY, Fact.SUICIDE), 120, 150_000),
        ("sexual-deepfake", ActKind.SEXUAL_DEEPFAKE, (), 24, 60_000),
        ("sexual-deepfake", ActKind.SEXUAL_DEEPFAKE, (Fact.ONLINE,), 36, 75_000),
        ("public-insult", ActKind.INSULT, (Fact.PUBLIC,), 0, 12_000),
        ("public-insult", ActKind.INSULT, (Fact.PUBLIC, Fact.HATE_GROUND), 12, 45_000),
        ("public-insult", ActKind.INSULT, (Fact.PUBLIC, Fact.HATE_GROUND, Fact.AUTHOR_OFFICIAL), 36, 75_000),
    ],
)
def test_the_published_penalties_are_computed(
    offence: str, kind: ActKind, facts: tuple[Fact, ...], months: int, euros: int
) -> None:
    found = offences(kind, facts=facts)[offence]
    assert (found.penalty.prison_months, found.penalty.fine_cents) == (months, euros * 100)
    assert found.grounds.status == "sourced"


def test_a_third_aggravation_adds_nothing_more() -> None:
    facts = (Fact.ONLINE, Fact.VICTIM_MINOR, Fact.VULNERABLE, Fact.LONG_INCAPACITY)
    assert offences(ActKind.RAID, facts=facts)["harassment"].penalty.prison_months == 36


def test_a_public_insult_is_a_fine_until_a_hate_ground_is_known() -> None:
    plain = offences(ActKind.INSULT, facts=(Fact.PUBLIC,))["public-insult"]
    hate = offences(ActKind.INSULT, facts=(Fact.PUBLIC, Fact.HATE_GROUND))["public-insult"]
    assert (plain.penalty.prison_months, plain.penalty.fine_cents, plain.regime) == (0, 12_000_00, Regime.PRESS)
    assert (hate.penalty.prison_months, hate.penalty.fine_cents, hate.regime) == (12, 45_000_00, Regime.PRESS_HATE)


def test_public_or_not_is_asked_when_nobody_said() -> None:
    found = offences(ActKind.INSULT, excluded=(Fact.HATE_GROUND, Fact.REPEATED))
    assert {name: (one.certainty, one.missing) for name, one in found.items()} == {
        "public-insult": ("possible", (Fact.PUBLIC,)),
        "non-public-insult": ("possible", (Fact.PUBLIC,)),
    }


def test_an_excluded_circumstance_leaves_no_candidate() -> None:
    assert set(offences(ActKind.REPEATED_MESSAGES, excluded=(Fact.SCHOOL, Fact.WORKPLACE, Fact.PARTNER))) == {
        "harassment",
        "malicious-messages",
    }


def test_the_easier_route_is_kept() -> None:
    assert offences(ActKind.INSULT, ActKind.RAID)["harassment"].certainty == "established"


def test_nothing_is_a_candidate_while_nobody_can_tell_the_kind() -> None:
    assert offences() == {}


def test_no_law_of_today_reaches_back() -> None:
    assert candidates(BOOK, Act(id="a", day=date(2014, 8, 5), kinds=(ActKind.REPEATED_MESSAGES,))) == ()


def test_a_conclusion_cites_its_rule_and_waits_for_a_lawyer() -> None:
    grounds = offences(ActKind.RAID)["harassment"].grounds
    [basis] = grounds.rules
    assert (basis.rule, basis.citation) == ("offence.harassment", "Code pénal, art. 222-33-2-2")
    assert (basis.status, basis.signed_off, grounds.to_confirm_by_lawyer) == ("sourced", False, True)
    assert offences(ActKind.THREAT)["threats"].grounds.status == "general"


@given(KINDS, FACTS, FACTS)
def test_what_is_known_never_exceeds_what_could_be(kinds: list[ActKind], facts: list[Fact], out: list[Fact]) -> None:
    excluded = tuple(fact for fact in out if fact not in {*facts, Fact.VICTIM_MINOR})
    act = Act(id="a", day=DAY, kinds=tuple(kinds), facts=tuple(facts), excluded=excluded)
    for one in candidates(BOOK, act):
        assert one.penalty.prison_months <= one.highest.prison_months
        assert (one.certainty == "possible") == bool(one.missing)
        assert not set(one.missing) & (set(facts) | set(excluded))
        assert Candidate.model_validate_json(one.model_dump_json()) == one


@given(KINDS, FACTS, st.randoms())
def test_the_order_in_which_facts_are_told_does_not_matter(kinds: list[ActKind], facts: list[Fact], rng) -> None:
    mixed = [*facts, *facts]
    rng.shuffle(mixed)
    told = Act(id="a", day=DAY, kinds=tuple(kinds), facts=tuple(facts))
    retold = Act(id="a", day=DAY, kinds=tuple(reversed(kinds)), facts=tuple(mixed))
    assert candidates(BOOK, told) == candidates(BOOK, retold)


@given(KINDS, FACTS, st.sampled_from(Fact))
def test_one_more_known_circumstance_never_lowers_the_penalty(
    kinds: list[ActKind], facts: list[Fact], more: Fact
) -> None:
    before = candidates(BOOK, Act(id="a", day=DAY, kinds=tuple(kinds), facts=tuple(facts)))
    after = {
        one.offence: one for one in candidates(BOOK, Act(id="a", day=DAY, kinds=tuple(kinds), facts=(*facts, more)))
    }
    for one in before:
        if one.offence in after:
            assert after[one.offence].penalty.prison_months >= one.penalty.prison_months
