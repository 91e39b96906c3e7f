from __future__ import annotations

from datetime import date

import pytest

from services.legal.rules import load
from services.legal.rules.book import read
from services.legal.rules.parameters import AlertParameters, OfferParameters
from shared.errors import BrokenContract, Refused

RULE = """
[[rules]]
id = "offer.authors"
valid_from = 2020-01-01
valid_to = 2022-01-01
status = "sourced"
signed_off = false
citations = [
  { text = "old name", from = 2020-01-01, to = 2021-01-01 },
  { text = "new name", from = 2021-01-01, to = 2022-01-01 },
]
[rules.parameters]
kind = "offer"
authors_below = 15
other_route = "partner"
[[rules.examples]]
say = "fits"
on = 2020-02-01
expected = { fits = true }
"""
LATER = RULE.replace("2022-01-01", "2024-01-01").replace("2020-01-01", "2022-01-01").replace("2021-01-01", "2023-01-01")


def refusal(text: str) -> str:
    with pytest.raises(BrokenContract) as caught:
        read({"offer.toml": text.encode()})
    return str(caught.value)


def test_the_version_in_force_on_the_day_is_taken() -> None:
    book = read({"offer.toml": (RULE + LATER.replace("authors_below = 15", "authors_below = 20")).encode()})
    for day, below in ((date(2021, 12, 31), 15), (date(2022, 1, 1), 20)):
        parameters = book.at("offer.authors", day).parameters
        assert isinstance(parameters, OfferParameters)
        assert parameters.authors_below == below


def test_a_day_without_version_and_an_unknown_rule_are_refused() -> None:
    book = read({"offer.toml": RULE.encode()})
    for rule_id, day, code in (
        ("offer.authors", date(2019, 12, 31), "rule-not-in-force"),
        ("offer.authors", date(2022, 1, 1), "rule-not-in-force"),
        ("offer.nothing", date(2020, 6, 1), "unknown-rule"),
    ):
        with pytest.raises(Refused) as caught:
            book.at(rule_id, day)
        assert caught.value.code == code


def test_one_refuses_none_and_several() -> None:
    other = RULE.replace("offer.authors", "offer.other")
    book = read({"offer.toml": (RULE + other).encode()})
    for kind in (OfferParameters, AlertParameters):
        with pytest.raises(Refused, match="Ask a lawyer"):
            book.one(kind, date(2020, 6, 1))


def test_the_citation_is_the_one_of_the_day_and_the_nearest_outside() -> None:
    rule = read({"offer.toml": RULE.encode()}).rules[0]
    said = [rule.citation(day) for day in (date(2019, 1, 1), date(2020, 12, 31), date(2021, 1, 1), date(2030, 1, 1))]
    assert said == ["old name", "old name", "new name", "new name"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("authors_below = 15", "authors_below = -1", "parameters.offer.authors_below"),
        ("authors_below = 15", 'authors_below = "15"', "parameters.offer.authors_below"),
        ("authors_below = 15", "authors_under = 15", "parameters.offer.authors_below"),
        ('kind = "offer"', 'kind = "offers"', "parameters"),
        ("signed_off = false", "", "signed_off"),
        ('status = "sourced"', 'status = "guessed"', "status"),
        ('status = "sourced"', 'status = "general"', "needs a note"),
        ("valid_to = 2022-01-01", "valid_to = 2019-01-01", "valid_to must be after"),
        ("valid_to = 2022-01-01", "valid_to = 2023-01-01", "end with valid_to"),
        ("valid_to = 2022-01-01", "", "end with valid_to"),
        ("valid_from = 2020-01-01", "valid_from = 2019-01-01", "begin with valid_from"),
        ("from = 2021-01-01", "from = 2021-01-02", "begin where the one before ends"),
        ("expected = { fits = true }", "expected = {}", "examples.0.expected"),
    ],
)
def test_bad_data_names_the_file_the_rule_and_the_field(old: str, new: str, field: str) -> None:
    assert old in RULE
    said = refusal(RULE.replace(old, new, 1))
    assert said.startswith("offer.toml: rule offer.authors: ")
    assert field in said
    assert said.endswith("Correct the file.")


def test_a_rule_without_id_is_named_by_its_number() -> None:
    assert "offer.toml: rule number 2: id: " in refusal(RULE + RULE.replace('id = "offer.authors"', "", 1))


def test_a_table_that_is_no_rule_is_refused() -> None:
    assert "rule number 1: rule: " in refusal("rules = [3]")


@pytest.mark.parametrize("text", ["rules = 3", "", RULE + "\n[other]\na = 1\n"])
def test_a_file_of_something_else_is_refused(text: str) -> None:
    assert "holds [[rules]] and nothing else" in refusal(text)


def test_a_file_that_is_not_toml_is_refused() -> None:
    assert "not readable as TOML" in refusal("rules = [")
    with pytest.raises(BrokenContract, match="not readable as TOML"):
        read({"offer.toml": b"\xff"})


@pytest.mark.parametrize("second", [RULE, LATER.replace("2022-01-01", "2021-06-01")])
def test_two_versions_may_not_share_a_day(second: str) -> None:
    assert "two versions share a day" in refusal(RULE + second)
    assert "two versions share a day" in refusal(second + RULE)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ('kind = "claim"\nfund = "civi"\nfrom_decision = {}', "a delay needs"),
        ('kind = "interruption"\nregimes = ["press"]\nact = "judgment"\neffect = "suspends"', "at_most"),
        (
            'kind = "interruption"\nregimes = ["press"]\nact = "judgment"\neffect = "none"\nat_most = { days = 1 }',
            "at_most",
        ),
        (
            (
                'kind = "offence"\nlabel_fr = "x"\nregime = "press"\ncounted_from = "act"\n'
                'routes = [{ kinds = ["insult"] }]\n'
                'tiers = [{ requires = ["online"], prison_months = 1, fine_cents = 1 }]'
            ),
            "no circumstance",
        ),
    ],
)
def test_incoherent_parameters_are_refused(parameters: str, said: str) -> None:
    own = 'kind = "offer"\nauthors_below = 15\nother_route = "partner"'
    assert said in refusal(RULE.replace(own, parameters))


def test_the_digest_changes_with_any_byte_and_not_with_the_order_of_files() -> None:
    other = RULE.replace("offer.authors", "offer.other")
    one = read({"a.toml": RULE.encode(), "b.toml": other.encode()})
    assert one.digest == read({"b.toml": other.encode(), "a.toml": RULE.encode()}).digest
    assert one.digest != read({"a.toml": RULE.encode(), "b.toml": other.encode() + b"\n"}).digest


def test_the_book_is_read_once() -> None:
    assert load() is load()
