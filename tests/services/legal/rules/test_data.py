"""What must hold of the rules as a whole, so that no engine meets a hole on a day that matters."""

from __future__ import annotations

from datetime import date

import pytest

from services.legal.rules import load
from services.legal.rules.parameters import (
    AuthorityParameters,
    ContentParameters,
    GateParameters,
    InterruptionParameters,
    LimitationParameters,
    NoticeParameters,
    OffenceParameters,
    ProcedureParameters,
    RetentionParameters,
)
from services.legal.rules.vocabulary import (
    ActKind,
    Authority,
    DataClass,
    HearingKind,
    ProceduralAct,
    Procedure,
    Regime,
)

BOOK = load()
DAYS = [date(2022, 3, 4), date(2024, 5, 23), date(2026, 1, 1), date(2026, 8, 18), date(2030, 1, 1)]


@pytest.mark.parametrize("day", DAYS)
def test_every_regime_has_one_limitation(day: date) -> None:
    assert sorted(one.regime for _, one in BOOK.of(LimitationParameters, day)) == sorted(Regime)


@pytest.mark.parametrize("day", DAYS)
def test_every_act_of_procedure_has_one_effect_on_every_regime(day: date) -> None:
    pairs = sorted((one.act, regime) for _, one in BOOK.of(InterruptionParameters, day) for regime in one.regimes)
    assert pairs == sorted((act, regime) for act in ProceduralAct for regime in Regime)


@pytest.mark.parametrize("day", DAYS)
def test_every_class_of_data_has_one_gate_and_one_retention(day: date) -> None:
    assert sorted(one.data_class for _, one in BOOK.of(GateParameters, day)) == sorted(DataClass)
    assert sorted(one.data_class for _, one in BOOK.of(RetentionParameters, day)) == sorted(DataClass)


@pytest.mark.parametrize("day", DAYS)
def test_every_procedure_and_every_criminal_hearing_is_ruled_once(day: date) -> None:
    assert sorted(one.procedure for _, one in BOOK.of(ProcedureParameters, day)) == sorted(Procedure)
    ruled = sorted(hearing for _, one in BOOK.of(NoticeParameters, day) for hearing in one.hearings)
    assert ruled == sorted(set(HearingKind) - {HearingKind.CIVIL})


def test_every_kind_of_act_leads_to_an_offence_today() -> None:
    led = {
        kind
        for _, one in BOOK.of(OffenceParameters, date(2026, 11, 22))
        for route in one.routes
        for kind in route.kinds
    }
    assert led == set(ActKind)


def test_the_european_order_comes_in_august_2026() -> None:
    def names(day: date) -> set[Authority]:
        return {one.authority for _, one in BOOK.of(AuthorityParameters, day)}

    assert names(date(2026, 7, 31)) == set(Authority) - {Authority.EU_ORDER}
    assert names(date(2026, 8, 31)) == set(Authority)


def test_each_thing_due_is_named_once_per_scope() -> None:
    items = [(one.scope, one.item) for _, one in BOOK.of(ContentParameters, date(2026, 1, 1))]
    assert len(items) == len(set(items))


def test_no_rule_is_signed_off_before_a_lawyer_has_reread_it() -> None:
    assert not [rule.id for rule in BOOK.rules if rule.signed_off]


def test_rule_ids_fit_the_events_that_carry_them() -> None:
    assert all(len(rule.id) <= 60 for rule in BOOK.rules)
