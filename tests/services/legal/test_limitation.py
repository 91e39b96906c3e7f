from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.legal.domain.act import Act
from services.legal.domain.limitation import Limit, Step, limits, run
from services.legal.rules import load
from services.legal.rules.vocabulary import ActKind, Fact, ProceduralAct, Regime

BOOK = load()
TODAY = date(2026, 6, 1)
DAYS = st.dates(date(2019, 1, 1), date(2034, 12, 31))
INTERRUPTING = (ProceduralAct.DIRECT_SUMMONS, ProceduralAct.QUALIFIED_REQUISITION, ProceduralAct.JUDGMENT)
STEPS = st.lists(
    st.builds(Step, kind=st.sampled_from(ProceduralAct), day=DAYS, answered_on=st.none() | DAYS), max_size=6
)
ACTS = st.lists(
    st.builds(
        Act,
        id=st.sampled_from(["a", "b", "c", "d"]),
        day=DAYS,
        first_published_on=st.none() | DAYS,
        kinds=st.lists(st.sampled_from(ActKind), max_size=2).map(tuple),
        facts=st.lists(st.sampled_from([Fact.PUBLIC, Fact.HATE_GROUND, Fact.ONLINE, Fact.REPEATED])).map(tuple),
    ),
    max_size=5,
)


def messages(**days: date) -> list[Act]:
    return [Act(id=name, day=day, kinds=(ActKind.REPEATED_MESSAGES,)) for name, day in days.items()]


def of(found: tuple[Limit, ...], act: str, offence: str) -> Limit:
    [one] = [one for one in found if (one.act, one.offence) == (act, f"offence.{offence}")]
    return one


def step(kind: str, day: date, **rest) -> Step:
    return Step(kind=ProceduralAct(kind), day=day, **rest)


def test_harassment_runs_from_the_last_act_for_every_act() -> None:
    found = limits(BOOK, messages(a=date(2024, 1, 5), b=date(2026, 2, 7)), TODAY)
    assert {of(found, act, "harassment").last_day for act in "ab"} == {date(2032, 2, 7)}
    assert of(found, "a", "harassment").start == date(2026, 2, 7)
    assert of(found, "a", "harassment").confidence == "sourced"


def test_an_act_long_past_is_not_revived_by_a_new_one() -> None:
    found = limits(BOOK, messages(a=date(2018, 1, 5), b=date(2026, 2, 7)), TODAY)
    assert of(found, "a", "harassment").last_day == date(2024, 1, 5)
    assert of(found, "a", "harassment").over
    assert of(found, "b", "harassment").last_day == date(2032, 2, 7)


def test_an_act_of_another_kind_does_not_prolong_harassment() -> None:
    acts = [
        *messages(a=date(2026, 1, 5)),
        Act(id="z", day=date(2026, 3, 1), kinds=(ActKind.BLACKMAIL,), excluded=(Fact.REPEATED,)),
    ]
    assert of(limits(BOOK, acts, TODAY), "a", "harassment").last_day == date(2032, 1, 5)


def test_an_act_that_only_may_be_harassment_prolongs_nothing_and_is_not_prolonged() -> None:
    insult = Act(id="i", day=date(2026, 3, 1), kinds=(ActKind.INSULT,))
    found = limits(BOOK, [*messages(a=date(2026, 1, 5), b=date(2026, 5, 5)), insult], TODAY)
    assert of(found, "i", "harassment").last_day == date(2032, 3, 1)
    assert of(found, "i", "harassment").confidence == "disputed"
    assert of(limits(BOOK, [*messages(a=date(2026, 1, 5)), insult], TODAY), "a", "harassment").last_day == date(
        2032, 1, 5
    )


def test_insults_known_to_be_repeated_join_the_course() -> None:
    insult = Act(id="i", day=date(2026, 3, 1), kinds=(ActKind.INSULT,), facts=(Fact.REPEATED,))
    found = limits(BOOK, [*messages(a=date(2026, 1, 5)), insult], TODAY)
    assert of(found, "a", "harassment").last_day == date(2032, 3, 1)


def test_a_public_insult_has_three_months_from_first_publication() -> None:
    act = Act(
        id="a",
        day=date(2026, 4, 10),
        first_published_on=date(2026, 4, 2),
        kinds=(ActKind.INSULT,),
        facts=(Fact.PUBLIC,),
    )
    found = of(limits(BOOK, [act], TODAY), "a", "public-insult")
    assert (found.regime, found.last_day, found.days_left, found.over) == (Regime.PRESS, date(2026, 7, 2), 31, False)
    assert ProceduralAct.SIMPLE_COMPLAINT not in found.interrupts
    assert ProceduralAct.LEGAL_AID_REQUEST not in found.interrupts
    assert ProceduralAct.QUALIFIED_REQUISITION in found.interrupts
    assert found.suspends == ()


def test_a_hate_ground_that_is_known_gives_a_year() -> None:
    act = Act(id="a", day=date(2026, 4, 10), kinds=(ActKind.INSULT,), facts=(Fact.PUBLIC, Fact.HATE_GROUND))
    assert of(limits(BOOK, [act], TODAY), "a", "public-insult").last_day == date(2027, 4, 10)


def test_a_possible_qualification_is_disputed_and_an_unverified_one_general() -> None:
    act = Act(id="a", day=date(2026, 4, 10), kinds=(ActKind.INSULT, ActKind.THREAT))
    found = limits(BOOK, [act], TODAY)
    assert of(found, "a", "public-insult").confidence == "disputed"
    assert of(found, "a", "threats").confidence == "general"
    assert of(found, "a", "threats").suspends == (ProceduralAct.SIMPLE_COMPLAINT,)


@pytest.mark.parametrize(
    ("regime", "effective"),
    [
        (
            Regime.PRESS,
            {"civil-party-complaint", "direct-summons", "qualified-requisition", "prosecution", "judgment"},
        ),
        (
            Regime.DELIT,
            {
                "simple-complaint",
                "civil-party-complaint",
                "direct-summons",
                "qualified-requisition",
                "plain-requisition",
                "prosecution",
                "judgment",
            },
        ),
    ],
)
def test_only_these_acts_move_a_limitation(regime: Regime, effective: set[str]) -> None:
    start, day = date(2026, 1, 10), date(2026, 3, 1)
    still = run(BOOK, regime, start, (), TODAY).last_day
    moved = {
        kind.value
        for kind in ProceduralAct
        if run(BOOK, regime, start, [Step(kind=kind, day=day)], TODAY).last_day > still
    }
    assert moved == effective


def test_three_months_start_again_after_each_interrupting_act() -> None:
    steps = [step("qualified-requisition", date(2026, 4, 1)), step("judgment", date(2026, 6, 30))]
    assert run(BOOK, Regime.PRESS, date(2026, 1, 10), steps, TODAY).last_day == date(2026, 9, 30)


def test_a_chain_is_broken_by_one_act_too_late() -> None:
    steps = [step("qualified-requisition", date(2026, 4, 1)), step("judgment", date(2026, 7, 2))]
    ran = run(BOOK, Regime.PRESS, date(2026, 1, 10), steps, TODAY)
    assert ran.last_day == date(2026, 7, 1)
    assert ran.warnings == ("act-came-too-late",)


def test_after_an_interruption_on_a_hate_ground_the_next_act_is_due_in_three_months() -> None:
    ran = run(BOOK, Regime.PRESS_HATE, date(2026, 1, 10), [step("direct-summons", date(2026, 3, 1))], TODAY)
    assert (ran.last_day, ran.renew_before) == (date(2027, 1, 10), date(2026, 6, 1))


def test_a_contested_act_is_set_aside_and_said() -> None:
    act = Act(id="a", day=date(2026, 4, 10), kinds=(ActKind.INSULT,), facts=(Fact.PUBLIC,))
    found = of(limits(BOOK, [act], TODAY, steps=[step("legal-aid-request", date(2026, 5, 1))]), "a", "public-insult")
    assert found.last_day == date(2026, 7, 10)
    assert (found.warnings, found.confidence) == (("contested-act-ignored",), "disputed")
    assert "interruption.press.legal-aid-request" in {basis.rule for basis in found.grounds.rules}


def test_a_step_counts_only_for_the_acts_it_names() -> None:
    acts = [Act(id=name, day=date(2026, 4, 10), kinds=(ActKind.INSULT,), facts=(Fact.PUBLIC,)) for name in "ab"]
    summons = step("direct-summons", date(2026, 5, 1), acts=("b",))
    found = limits(BOOK, acts, TODAY, steps=[summons])
    assert of(found, "a", "public-insult").last_day == date(2026, 7, 10)
    assert of(found, "b", "public-insult").last_day == date(2026, 8, 1)


@pytest.mark.parametrize(
    ("steps", "days"),
    [
        ([step("simple-complaint", date(2026, 3, 1))], 92),
        ([step("simple-complaint", date(2026, 3, 1)), step("simple-complaint", date(2026, 4, 1))], 122),
        ([step("simple-complaint", date(2026, 3, 1)), step("simple-complaint", date(2026, 3, 1))], 92),
        (
            [
                step("simple-complaint", date(2026, 3, 1)),
                step("simple-complaint", date(2026, 4, 1), answered_on=date(2026, 4, 2)),
            ],
            92,
        ),
        ([step("simple-complaint", date(2026, 3, 1), answered_on=date(2026, 3, 1))], 0),
        ([step("simple-complaint", date(2032, 3, 1))], 0),
    ],
)
def test_complaints_suspend_for_the_days_that_they_cover(steps: list[Step], days: int) -> None:
    ran = run(BOOK, Regime.DELIT, date(2026, 1, 10), steps, TODAY)
    assert ran.last_day == date(2032, 1, 10) + timedelta(days=days)


def test_a_complaint_still_unanswered_at_a_new_act_suspends_for_what_remains() -> None:
    ran = run(BOOK, Regime.DELIT, date(2026, 3, 11), [step("simple-complaint", date(2026, 3, 1))], TODAY)
    assert ran.last_day == date(2032, 3, 11) + timedelta(days=82)


def test_an_interruption_before_the_last_act_changes_nothing() -> None:
    ran = run(BOOK, Regime.DELIT, date(2026, 3, 11), [step("judgment", date(2026, 3, 1))], TODAY)
    assert (ran.last_day, ran.renew_before) == (date(2032, 3, 11), None)


def test_an_offence_against_a_minor_runs_from_majority_and_is_flagged() -> None:
    act = Act(id="a", day=date(2026, 3, 10), kinds=(ActKind.INTIMATE_IMAGE,), facts=(Fact.VICTIM_MINOR, Fact.ONLINE))
    told = of(limits(BOOK, [act], TODAY, majority_on=date(2030, 5, 5)), "a", "minor-sexual-image")
    untold = of(limits(BOOK, [act], TODAY), "a", "minor-sexual-image")
    assert (told.last_day, told.warnings, told.confidence) == (date(2040, 5, 5), ("runs-from-majority",), "general")
    assert (untold.last_day, untold.warnings) == (date(2032, 3, 10), ("majority-not-known",))


def test_an_act_after_majority_runs_from_the_act() -> None:
    ran = run(BOOK, Regime.DELIT_ON_MINOR, date(2026, 3, 10), (), TODAY, majority_on=date(2025, 5, 5))
    assert ran.last_day == date(2036, 3, 10)


def test_two_tellings_of_one_act_keep_the_shorter_limit() -> None:
    acts = [Act(id="a", day=day, kinds=(ActKind.DOXING,)) for day in (date(2026, 5, 1), date(2026, 4, 1))]
    assert of(limits(BOOK, acts, TODAY), "a", "doxing").last_day == date(2032, 4, 1)


def test_a_limit_names_every_rule_it_rests_on_and_goes_through_json() -> None:
    found = of(limits(BOOK, messages(a=date(2026, 1, 5)), TODAY), "a", "harassment")
    assert [basis.rule for basis in found.grounds.rules] == [
        "offence.harassment",
        "limitation.delit",
        "limitation.computing",
    ]
    assert found.grounds.to_confirm_by_lawyer
    assert Limit.model_validate_json(found.model_dump_json()) == found


@given(st.sampled_from(Regime), DAYS, STEPS, st.none() | DAYS)
def test_a_limit_is_never_before_the_act(regime: Regime, start: date, steps: list[Step], majority: date | None) -> None:
    ran = run(BOOK, regime, start, steps, TODAY, majority_on=majority)
    assert ran.last_day > start
    assert ran.renew_before is None or ran.renew_before < ran.last_day


@given(st.sampled_from(Regime), DAYS, STEPS, st.sampled_from(ProceduralAct), DAYS, st.none() | DAYS)
def test_one_more_act_of_procedure_never_shortens(
    regime: Regime, start: date, steps: list[Step], kind: ProceduralAct, day: date, answered: date | None
) -> None:
    more = [*steps, Step(kind=kind, day=day, answered_on=answered)]
    assert run(BOOK, regime, start, more, TODAY).last_day >= run(BOOK, regime, start, steps, TODAY).last_day


@given(st.sampled_from(Regime), DAYS, st.integers(0, 400), STEPS)
def test_a_later_act_never_has_an_earlier_limit(regime: Regime, start: date, later: int, steps: list[Step]) -> None:
    interruptions = [one for one in steps if one.kind in INTERRUPTING]
    first = run(BOOK, regime, start, interruptions, TODAY).last_day
    assert run(BOOK, regime, start + timedelta(days=later), interruptions, TODAY).last_day >= first


@given(DAYS, st.lists(DAYS, max_size=5), DAYS)
def test_one_more_message_never_shortens_harassment(first: date, others: list[date], more: date) -> None:
    days = {f"m{number}": day for number, day in enumerate([first, *others])}
    before = of(limits(BOOK, messages(**days), TODAY), "m0", "harassment").last_day
    after = of(limits(BOOK, messages(**days, more=more), TODAY), "m0", "harassment").last_day
    assert after >= before


@given(ACTS, STEPS, st.randoms())
def test_duplicates_and_order_of_acts_and_steps_do_not_matter(acts: list[Act], steps: list[Step], rng) -> None:
    mixed_acts, mixed_steps = [*acts, *acts], [*steps, *steps]
    rng.shuffle(mixed_acts)
    rng.shuffle(mixed_steps)
    assert limits(BOOK, acts, TODAY, steps=steps) == limits(BOOK, mixed_acts, TODAY, steps=mixed_steps)
