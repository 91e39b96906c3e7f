"""What a person filled in on a page, as the same requests that the API takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from services.intake.content import Opening
from shared.errors import Refused

_YES = "yes"
_RANGES: Mapping[str, tuple[int, int | None]] = {
    "one": (1, 1),
    "few": (2, 14),
    "many": (15, None),
    "unknown": (1, None),
}


def opening_of(form: FormData) -> Opening:
    """The request to open a case. Raises Refused naming the first field that is wrong, never its value."""
    told: dict[str, Any] = {
        "persona": _text(form, "persona"),
        "on_behalf": _text(form, "persona") != "victim",
        "minor": {"yes": True, "no": False}.get(_text(form, "minor")),
        "anonymous": _checked(form, "anonymous"),
        "language": _text(form, "language") or "fr",
        "spreading": _checked(form, "spreading"),
        "contact": {"email": _text(form, "email")} if _text(form, "email") else None,
        "facts": _facts(form),
        "authors": [{"handle": line} for line in _lines(form, "authors")],
        "acts": _acts(form),
        "passphrase": _text(form, "passphrase") or None,
    }
    least, most = _RANGES.get(_text(form, "authors_range"), _RANGES["unknown"])
    return checked({**told, "authors_at_least": least, "authors_at_most": most})


def checked(told: Mapping[str, Any]) -> Opening:
    """``told`` as the API's request. Raises Refused."""
    try:
        return Opening.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = "Something in this form is missing or cannot be read. Correct it and send it again."
        raise Refused("invalid-field", message, field=field) from None


def _facts(form: FormData) -> dict[str, Any]:
    return {
        "account": _text(form, "account"),
        "urls": _lines(form, "urls"),
        "ground": _text(form, "ground") or None,
        "school": _checked(form, "school"),
        "dangers": [str(one) for one in form.getlist("danger")],
    }


def _acts(form: FormData) -> list[dict[str, Any]]:
    match bool(_text(form, "kind")), bool(_text(form, "day")):
        case False, False:
            return []
        case True, False:
            raise Refused("day-missing", "Give the day of what happened, even an approximate one.", field="acts.0.day")
        case False, True:
            raise Refused("kind-missing", "Say what happened on that day, even roughly.", field="acts.0.kind")
    return [
        {
            "kind": _text(form, "kind"),
            "day": _text(form, "day"),
            "public": {"yes": True, "no": False}.get(_text(form, "public")),
            "hate_ground": bool(_text(form, "ground")),
        }
    ]


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _checked(form: FormData, name: str) -> bool:
    return _text(form, name) == _YES


def _lines(form: FormData, name: str) -> list[str]:
    return [line.strip() for line in _text(form, name).splitlines() if line.strip()]
