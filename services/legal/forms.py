"""What the team types on a page, as the same bodies that the API takes; what was wrong, by the input's name.

An input is named as its field is in the body, parts joined by dots. Amounts are typed in euros and become cents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData

from services.legal.asked.place import Asked
from services.legal.domain.hearing_notice import NoticeCheck
from shared.errors import Refused

ONCE: Final = "once"
ANYWAY: Final = "anyway"
_OFFENCE: Final = "offence."
_LISTS: Final = frozenset({"options", "about"})
_EUROS: Final = frozenset({"costs_cents", "damages_cents", "particulars.harm.claimed_cents"})
_LINES: Final = frozenset({"particulars.requests"})
_DAYS: Final = frozenset({"day", "since", "served_on"})
_INPUT: Final = {"costs": "costs_cents"}
"""Where the domain names a field otherwise than the page does."""

_EURO: Final = re.compile(r"(\d{1,10})(?:[.,](\d{1,2}))?")
_FRENCH_DAY: Final = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_UNREADABLE: Final = "?"
_KINDS: Final = {
    "missing": "missing",
    "string_too_short": "missing",
    "too_short": "missing",
    "string_too_long": "long",
    "too_long": "long",
    "literal_error": "choice",
    "enum": "choice",
}
_Body = TypeVar("_Body", bound=Asked)
Typed = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Tried:
    """A form that was sent and not taken: ``typed`` stays on the page, ``wrong`` says what is wrong with which input.

    ``form`` and ``about`` tell it from the others on the page; ``problem`` is the code of the refusal.
    """

    form: str = ""
    about: str = ""
    typed: Typed = field(default_factory=dict, repr=False)
    wrong: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    notice: NoticeCheck | None = None

    def here(self, form: str, about: str = "") -> bool:
        """Whether it is that form that was sent."""
        return (self.form, self.about) == (form, about)

    def value(self, form: str, about: str, name: str, otherwise: str = "") -> str:
        """What stands in an input: what was typed, else ``otherwise``."""
        return self.typed.get(name, ("",))[-1] if self.here(form, about) else otherwise

    def chosen(self, form: str, about: str, name: str, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The same of boxes."""
        return self.typed.get(name, ()) if self.here(form, about) else otherwise

    def fault(self, form: str, about: str, name: str) -> str:
        """What is wrong with an input, the end of a text's key; empty where nothing is."""
        return self.wrong.get(name, "") if self.here(form, about) else ""


def typed_in(form: FormData) -> dict[str, tuple[str, ...]]:
    """The form's texts by input; a file is none."""
    return {name: tuple(one.strip() for one in form.getlist(name) if isinstance(one, str)) for name in form}


def body_of(model: type[_Body], typed: Typed) -> _Body:
    """The body that was typed. Raises ValidationError, Refused for inputs that no page of ours has."""
    told: dict[str, Any] = {}
    for name, values in typed.items():
        if name in {ONCE, ANYWAY} or not any(values):
            continue
        if name.startswith(_OFFENCE):
            act = {"act": name.removeprefix(_OFFENCE), "offences": list(values)}
            _put(told, "particulars.acts", [*told.get("particulars", {}).get("acts", []), act])
        else:
            _put(told, name, _read(name, values))
    return model.model_validate(told)


def faults(error: ValidationError) -> dict[str, str]:
    """What is wrong, by input."""
    found: dict[str, str] = {}
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(part for part in one["loc"] if isinstance(part, str))
        found.setdefault(name, _kind(name, one["type"]))
    return found


def refusal(form: str, about: str, typed: Typed, refused: Refused) -> Tried:
    """The form as the domain refused it."""
    name = _INPUT.get(refused.field or "", refused.field or "")
    return Tried(form, about, typed, {name: "refused"} if name else {}, refused.code)


def _put(told: dict[str, Any], name: str, value: object) -> None:
    *parents, last = name.split(".")
    for one in parents:
        told = told.setdefault(one, {})
        if not isinstance(told, dict):
            raise Refused("invalid-field", "This form is not one of ours. Reload the page.", field=name)
    told[last] = value


def _read(name: str, values: tuple[str, ...]) -> object:
    text = values[-1]
    match name:
        case _ if name in _LISTS:
            return [one for one in values if one]
        case _ if name in _LINES:
            return [line.strip() for line in text.splitlines() if line.strip()]
        case _ if name in _EUROS:
            return _cents(text)
        case _ if name in _DAYS:
            return _day(text)
        case "authors_of_age":
            return text == "yes"
        case _:
            return text


def _cents(text: str) -> int | str:
    found = _EURO.fullmatch(re.sub(r"[\s€]", "", text))
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else _UNREADABLE


def _day(text: str) -> str:
    # A browser without its own calendar leaves the day to be typed.
    found = _FRENCH_DAY.fullmatch(text)
    if found is None:
        return text
    try:
        return date(int(found[3]), int(found[2]), int(found[1])).isoformat()
    except ValueError:
        return _UNREADABLE


def _kind(name: str, error: str) -> str:
    if error in _KINDS:
        return _KINDS[error]
    last = name.rsplit(".", 1)[-1]
    if last in _DAYS:
        return "day"
    return "hour" if last == "hour" else "amount" if name in _EUROS else "other"
