"""The rule book: French law as dated data, read from the TOML files beside this module.

Days are calendar days of Europe/Paris. ``valid_from`` and ``from`` are the first day that counts; ``valid_to`` and
``to`` are the first day that no longer does (as Légifrance writes "en vigueur du … au …"). The book vouches for no
day before a rule's ``valid_from``, even where an older wording of the same text existed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import defaultdict
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from services.legal.rules.parameters import FROZEN, Parameters, Text
from shared.errors import BrokenContract, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

P = TypeVar("P", bound=BaseModel)


class Citation(BaseModel):
    """The words by which a text is cited during a span of days (codes are renumbered; rules are not)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    text: Text
    from_day: Annotated[date, Field(alias="from")]
    to_day: Annotated[date | None, Field(alias="to")] = None


class Example(BaseModel):
    """Dated facts and what the rule must say of them; the tests run every one."""

    model_config = FROZEN
    say: Text
    on: date
    facts: dict[str, Any] = {}
    expected: Annotated[dict[str, Any], Field(min_length=1)]


class Rule(BaseModel):
    """One version of a rule. ``status``: found in a published source, or general knowledge still to be verified."""

    model_config = FROZEN
    id: Annotated[str, Field(pattern=r"^[a-z-]+(\.[a-z-]+)+$")]
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]
    valid_from: date
    valid_to: date | None = None
    status: Literal["sourced", "general"]
    signed_off: bool
    note: str = ""
    parameters: Parameters
    examples: Annotated[tuple[Example, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _coherent(self) -> Rule:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be after valid_from")
        if self.status == "general" and not self.note:
            raise ValueError("a rule of general knowledge needs a note saying what to verify")
        days = [self.citations[0].from_day, *(citation.to_day for citation in self.citations)]
        if days[0] != self.valid_from or days[-1] != self.valid_to:
            raise ValueError("citations must begin with valid_from and end with valid_to")
        if any(before.to_day != after.from_day for before, after in pairwise(self.citations)):
            raise ValueError("each citation must begin where the one before ends")
        return self

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def citation(self, day: date) -> str:
        """The citation that holds on ``day``; outside the rule's validity, the nearest one."""
        started = [citation for citation in self.citations if citation.from_day <= day]
        return (started[-1] if started else self.citations[0]).text


class RuleBook(BaseModel):
    """Every version of every rule, and the SHA-256 (hex) of the files they were read from."""

    model_config = FROZEN
    rules: tuple[Rule, ...]
    digest: str
    _by_kind: dict[type[BaseModel], list[Rule]] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _context: Any) -> None:
        for rule in self.rules:
            self._by_kind.setdefault(type(rule.parameters), []).append(rule)

    def at(self, rule_id: str, day: date) -> Rule:
        """The version of ``rule_id`` in force on ``day``.

        Raises Refused: ``unknown-rule`` when no version has this id, ``rule-not-in-force`` when none covers the day.
        """
        versions = [rule for rule in self.rules if rule.id == rule_id]
        if not versions:
            raise Refused("unknown-rule", f"No rule is called {rule_id}. Take an id from services/legal/rules.")
        for rule in versions:
            if rule.in_force(day):
                return rule
        raise Refused("rule-not-in-force", f"Rule {rule_id} has no version for {day}. Ask a lawyer to add it.")

    def of(self, kind: type[P], day: date) -> tuple[tuple[Rule, P], ...]:
        """The rules in force on ``day`` whose parameters are of ``kind``, in the order of the files."""
        return tuple(
            (rule, rule.parameters)
            for rule in self._by_kind.get(kind, [])
            if isinstance(rule.parameters, kind) and rule.in_force(day)
        )

    def one(self, kind: type[P], day: date, **having: object) -> tuple[Rule, P]:
        """The single rule of ``kind`` in force on ``day`` whose parameters have these values.

        Raises Refused ``rule-not-in-force`` when there is none or more than one.
        """
        match [
            (rule, parameters)
            for rule, parameters in self.of(kind, day)
            if all(getattr(parameters, name) == value for name, value in having.items())
        ]:
            case [found]:
                return found
            case several:
                raise Refused(
                    "rule-not-in-force",
                    f"{len(several)} rules of {kind.__name__} answer {having} on {day}; one must. Ask a lawyer.",
                )


def read(sources: Mapping[str, bytes]) -> RuleBook:
    """A book from TOML bytes by file name.

    Raises BrokenContract naming the file, the rule and the field of the first thing that is wrong.
    """
    rules: list[Rule] = []
    versions: defaultdict[str, list[Rule]] = defaultdict(list)
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(source).digest())
        for number, raw in enumerate(_tables(name, source), start=1):
            rule = _rule(name, number, raw)
            for other in versions[rule.id]:
                if other.in_force(rule.valid_from) or rule.in_force(other.valid_from):
                    raise BrokenContract(f"{name}: rule {rule.id}: valid_from: two versions share a day. Correct one.")
            versions[rule.id].append(rule)
            rules.append(rule)
    return RuleBook(rules=tuple(rules), digest=digest.hexdigest())


def _tables(name: str, source: bytes) -> list[Any]:
    try:
        document = tomllib.loads(source.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenContract(f"{name}: not readable as TOML: {error}. Correct the file.") from error
    tables = document.pop("rules", None)
    if not isinstance(tables, list) or document:
        raise BrokenContract(f"{name}: a rule file holds [[rules]] and nothing else. Correct the file.")
    return tables


def _rule(name: str, number: int, raw: Any) -> Rule:
    try:
        return Rule.model_validate(raw)
    except ValidationError as error:
        who = raw["id"] if isinstance(raw, dict) and "id" in raw else f"number {number}"
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "rule"
        raise BrokenContract(f"{name}: rule {who}: {field}: {first['msg']}. Correct the file.") from error


@cache
def load() -> RuleBook:
    """The book of this installation, read and validated once. Raises BrokenContract as `read` does."""
    folder = files(__package__)
    return read({file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(".toml")})
