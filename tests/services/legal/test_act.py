from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from services.legal.domain.act import Act, as_reported, known, published_on, ruled_out
from services.legal.rules.vocabulary import ActKind, Fact
from shared.contracts.intake import ReportedAct

DAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("facts", "excluded"),
    [((Fact.ONLINE,), (Fact.ONLINE,)), ((Fact.YOUNG_MINOR,), (Fact.VICTIM_MINOR,))],
)
def test_a_circumstance_cannot_be_true_and_false(facts: tuple[Fact, ...], excluded: tuple[Fact, ...]) -> None:
    with pytest.raises(ValidationError, match="Keep one"):
        Act(id="a", day=DAY, facts=facts, excluded=excluded)


def test_the_younger_minor_is_a_minor_and_an_adult_is_neither() -> None:
    assert known(Act(id="a", day=DAY, facts=(Fact.YOUNG_MINOR,))) == {Fact.YOUNG_MINOR, Fact.VICTIM_MINOR}
    assert ruled_out(Act(id="a", day=DAY, excluded=(Fact.VICTIM_MINOR,))) == {Fact.YOUNG_MINOR, Fact.VICTIM_MINOR}


@pytest.mark.parametrize(
    ("published", "expected"),
    [(None, DAY), (date(2026, 3, 1), date(2026, 3, 1)), (date(2026, 4, 1), DAY)],
)
def test_publication_is_the_earlier_day(published: date | None, expected: date) -> None:
    assert published_on(Act(id="a", day=DAY, first_published_on=published)) == expected


def test_a_reported_act_keeps_what_nobody_said_open() -> None:
    act = as_reported(ReportedAct(act="x1", kind="insult", day=DAY, online=True, public=None, hate_ground=False))
    assert act == Act(id="x1", day=DAY, kinds=(ActKind.INSULT,), facts=(Fact.ONLINE,))


def test_a_reported_act_tells_what_was_said() -> None:
    report = ReportedAct(act="x1", kind="something-else", day=DAY, online=False, public=True, hate_ground=True)
    act = as_reported(report, minor=True)
    assert act.kinds == ()
    assert set(act.facts) == {Fact.PUBLIC, Fact.HATE_GROUND, Fact.VICTIM_MINOR}
    assert act.excluded == (Fact.ONLINE,)


def test_an_act_goes_through_json() -> None:
    act = Act(id="a", day=DAY, kinds=(ActKind.RAID,), facts=(Fact.ONLINE,), excluded=(Fact.SCHOOL,))
    assert Act.model_validate_json(act.model_dump_json()) == act
