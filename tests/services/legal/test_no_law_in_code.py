"""Code reads rules: no delay and no article number stands in the engines or the book."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import services.legal.domain
import services.legal.rules

ENGINES = (
    "act", "admissibility", "after_judgment", "complaint_contents", "conclusion", "eligibility", "hearing_notice",
    "identification", "legal_days", "limitation", "press_alert", "qualification",
)  # fmt: skip
DOMAIN, RULES = (Path(package.__path__[0]) for package in (services.legal.domain, services.legal.rules))
FILES = [*(DOMAIN / f"{name}.py" for name in ENGINES), *sorted(RULES.glob("*.py"))]
SMALL = frozenset({0, 1})
ALLOWED = {"legal_days.py": frozenset({12})}  # the months of a year
CITED = re.compile(r"\b(art\.|articles?\b|R?\d{2,}-\d+|CPP|CPC|Crim\.)")
SPELLED = re.compile(
    r"\b(two|three|six|nine|ten|twelve|fifteen|twenty|forty|sixty)[a-z-]* (hour|day|month|year)s?\b", re.IGNORECASE
)
HARMLESS = re.compile(r"SHA-256|``days_left``: 0|: 0 on the last day")


def law_in(source: str, allowed: frozenset[int] = frozenset()) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=bool()):
                continue
            case ast.Constant(value=int() as number) if number not in SMALL | allowed:
                found.append(f"line {node.lineno}: {number}")
            case ast.Constant(value=str() as text):
                lines = [HARMLESS.sub("", line) for line in text.splitlines()]
                cited = [line for line in lines if CITED.search(line) or SPELLED.search(line) or re.search(r"\d", line)]
                found += [f"line {node.lineno}: {line.strip()}" for line in cited]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_delay_and_no_article_stands_in_code(file: Path) -> None:
    assert law_in(file.read_text(), ALLOWED.get(file.name, frozenset())) == []


@pytest.mark.parametrize(
    "planted",
    ["DELAY = 45", "x = Delay(months=3)", 'CITATION = "CPP 60-1-2"', 'y = "art. 65"', '"""Three months at most."""'],
)
def test_planted_law_is_found(planted: str) -> None:
    assert law_in(planted)
