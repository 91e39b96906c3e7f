"""How complete a capture is: what it should show, what it lacks, and a grade from A to D.

A judge reads an exhibit alone: date, hour, content and author (a pseudonym counts) have to be on it, and the address
where the content has one. Source: the guidance of NF Z67-147 practice, as a table that the team may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from shared.contracts.evidence import ExhibitKind, Missing

Grade = Literal["A", "B", "C", "D"]

_ALWAYS: Final[tuple[Missing, ...]] = ("date", "hour", "author", "content")
_ON_THE_WEB: Final[tuple[Missing, ...]] = (*_ALWAYS, "address")

SHOULD_SHOW: Final[Mapping[ExhibitKind, tuple[Missing, ...]]] = MappingProxyType(
    {
        "screenshot": _ON_THE_WEB,
        "post": _ON_THE_WEB,
        "article": _ON_THE_WEB,
        "video": _ON_THE_WEB,
        "message": _ALWAYS,
        "e-mail": _ALWAYS,
        "sms": _ALWAYS,
        "audio": _ALWAYS,
        "photo": ("date", "author", "content"),
        "document": ("date", "author", "content"),
    }
)
"""What each kind of exhibit should show, in the order in which it is said."""


def missing_from(kind: ExhibitKind, shown: Iterable[Missing]) -> tuple[Missing, ...]:
    """What an exhibit of that kind should show and, by what its depositor ticked, does not."""
    there = frozenset(shown)
    return tuple(aspect for aspect in SHOULD_SHOW[kind] if aspect not in there)


def grade_of(missing: Iterable[Missing]) -> Grade:
    """A: nothing lacks. B: only the hour or the address. C: the date or the author. D: both of them, or the content."""
    lacking = frozenset(missing)
    if "content" in lacking or lacking >= {"date", "author"}:
        return "D"
    if lacking & {"date", "author"}:
        return "C"
    return "B" if lacking else "A"
