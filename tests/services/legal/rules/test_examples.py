"""Every rule's own dated examples, run through the engine that reads the rule."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from services.legal.domain.act import Act
from services.legal.domain.admissibility import History, admissibility
from services.legal.domain.after_judgment import appeal, claim_window
from services.legal.domain.complaint_contents import contents_due
from services.legal.domain.eligibility import Authors, eligibility
from services.legal.domain.hearing_notice import letter_check, notice_check
from services.legal.domain.identification import feasibility, retention, who_may_ask
from services.legal.domain.legal_days import last_day_of
from services.legal.domain.limitation import Step, run
from services.legal.domain.press_alert import earliest_press_limits
from services.legal.domain.qualification import candidates
from services.legal.rules import load
from services.legal.rules.parameters import Delay, InterruptionParameters, LimitationParameters
from services.legal.rules.vocabulary import Area, DataClass, Fact, HearingKind, Procedure, Regime

if TYPE_CHECKING:
    from pydantic import BaseModel

    from services.legal.rules.book import Example, Rule

BOOK = load()
CASES = [
    pytest.param(rule, example, id=f"{rule.id}@{rule.valid_from}-{number}")
    for rule in BOOK.rules
    for number, example in enumerate(rule.examples)
]


def dumped(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(mode="json")


def offence(rule: Rule, example: Example) -> dict[str, Any]:
    found = [one for one in candidates(BOOK, Act(id="a", day=example.on, **example.facts)) if one.offence == rule.id]
    if not found:
        return {"candidate": False}
    return dumped(found[0]) | dumped(found[0].penalty)


def limitation(regime: Regime, example: Example) -> dict[str, Any]:
    facts = example.facts
    return dumped(run(BOOK, regime, facts["start"], (), example.on, majority_on=facts.get("majority_on")))


def interruption(rule: InterruptionParameters, example: Example) -> dict[str, Any]:
    facts = example.facts
    step = Step(kind=rule.act, day=facts["day"], answered_on=facts.get("answered_on"))
    ends = {run(BOOK, regime, facts["start"], (step,), example.on).last_day for regime in rule.regimes[:1]}
    return {"last_day": ends.pop().isoformat()}


def gate(data_class: DataClass, example: Example) -> dict[str, Any]:
    facts = dict(example.facts)
    name = facts.pop("offence")
    act = Act(id="a", **facts)
    [candidate] = [one for one in candidates(BOOK, act) if one.offence == name]
    return dumped(next(one for one in feasibility(BOOK, act, candidate, example.on) if one.data_class == data_class))


def kept(data_class: DataClass, example: Example) -> dict[str, Any]:
    facts = dict(example.facts)
    act = Act(id="a", day=facts.pop("act_day"))
    [one] = [one for one in retention(BOOK, act, example.on, **facts) if one.data_class == data_class]
    return dumped(one) | {"running": one.keep_until is not None}


def alert(example: Example) -> dict[str, Any]:
    act = Act(id="a", day=example.facts["start"], excluded=(Fact.HATE_GROUND,))
    return dumped(earliest_press_limits(BOOK, [act], example.on)[0])


def notice(example: Example) -> dict[str, Any]:
    facts = example.facts
    return dumped(
        notice_check(
            BOOK,
            HearingKind(facts["hearing"]),
            served_on=facts["served_on"],
            hearing_day=facts["hearing_day"],
            area=Area(facts["area"]),
            today=example.on,
        )
    )


def claim(example: Example) -> dict[str, Any]:
    facts = example.facts
    window = claim_window(BOOK, facts["fund"], facts["facts_on"], example.on, decided_on=facts.get("decided_on"))
    return dumped(window) | {"running": window.last_day is not None}


def procedure(example: Example) -> dict[str, Any]:
    facts = dict(example.facts)
    way = Procedure(facts.pop("procedure"))
    return dumped(admissibility(BOOK, way, History(**facts), example.on))


def authority(example: Example) -> dict[str, Any]:
    names = {one.authority.value for one in who_may_ask(BOOK, DataClass(example.facts["data_class"]), example.on)}
    wanted = example.expected
    return {
        "authority": wanted.get("authority") if wanted.get("authority") in names else None,
        "absent_authority": None if wanted.get("absent_authority") in names else wanted.get("absent_authority"),
    }


def content(item: str, scope: str, example: Example) -> dict[str, Any]:
    due = contents_due(BOOK, Procedure(example.facts["procedure"]), example.facts.get("about", ()), example.on)
    return {"due": (item, scope) in {(one.item, one.scope) for one in due}}


def answer(rule: Rule, example: Example) -> dict[str, Any]:
    parameters, facts = rule.parameters, example.facts
    match parameters.kind:
        case "offence":
            return offence(rule, example)
        case "limitation":
            assert isinstance(parameters, LimitationParameters)
            return limitation(parameters.regime, example)
        case "computing":
            return {"last_day": last_day_of(facts["start"], Delay(months=facts["months"]), parameters).isoformat()}
        case "interruption":
            return interruption(parameters, example)
        case "alert":
            return alert(example)
        case "gate":
            return gate(parameters.data_class, example)
        case "authority":
            return authority(example)
        case "private-request":
            return {"binds": parameters.binds}
        case "retention":
            return kept(parameters.data_class, example)
        case "offer":
            return dumped(eligibility(BOOK, Authors(**facts), example.on))
        case "notice":
            return notice(example)
        case "civil-party-notice":
            times = (datetime.fromisoformat(facts["received_at"]), datetime.fromisoformat(facts["hearing_at"]))
            return dumped(letter_check(BOOK, *times))
        case "appeal":
            found = appeal(BOOK, facts["from_day"], another_appealed=facts.get("another_appealed", False))
            return dumped(found)
        case "claim":
            return claim(example)
        case "procedure":
            return procedure(example)
        case "content":
            return content(parameters.item, parameters.scope, example)


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_the_engine_says_of_the_dated_facts_what_the_rule_expects(rule: Rule, example: Example) -> None:
    said = answer(rule, example)
    expected = {
        name: value.isoformat() if isinstance(value, date) else value for name, value in example.expected.items()
    }
    assert {name: said[name] for name in expected} == expected, example.say
