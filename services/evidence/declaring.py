"""What a depositor says of a file before it is sent, and what of it is sealed beside the exhibit.

The first question is whether it may show a minor sexually. If it may, or nobody answers, not a byte is taken in:
possession of such an image is an offence even for who means to report it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.evidence.names import cleaned
from shared import clock
from shared.contracts.evidence import ExhibitKind, Missing
from shared.contracts.sealed import ExhibitDetails, Hour, Line, blank_is_none
from shared.errors import Refused

MAX_DECLARATION_BYTES: Final = 16 * 1024
MINOR: Final = "may-show-a-minor"
FARTHEST_AHEAD: Final = timedelta(hours=14)
"""How far ahead of UTC a depositor's own calendar may be (Line Islands)."""


_Model = TypeVar("_Model", bound=BaseModel)
_Text = Annotated[str, Field(max_length=4096)]


class _Asked(BaseModel):
    """The first question alone, whatever the rest is like."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    may_show_minor_sexually: bool


class Declaration(BaseModel):
    """``shows``: what the depositor ticked as visible on it. ``hour``: HH:MM, local to the depositor.

    ``author``: a name or a pseudonym. ``address``: where the content is or was. ``name``: of the file, any text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    may_show_minor_sexually: bool
    kind: ExhibitKind
    shows: Annotated[frozenset[Missing], Field(max_length=5)] = frozenset()
    day: Annotated[date | None, BeforeValidator(blank_is_none)] = None
    hour: Annotated[Hour | None, BeforeValidator(blank_is_none)] = None
    author: Annotated[Line | None, BeforeValidator(blank_is_none)] = None
    address: Annotated[Annotated[str, Field(max_length=2048)] | None, BeforeValidator(blank_is_none)] = None
    note: Annotated[Annotated[str, Field(max_length=2000)] | None, BeforeValidator(blank_is_none)] = None
    name: _Text = ""


def declared(values: Mapping[str, Any] | bytes) -> Declaration:
    """A declaration from JSON text, or from the fields of a form.

    Raises:
        Refused: ``ask-first`` when the question about minors is not answered, ``may-show-a-minor`` when the answer is
            yes, ``day-in-future``, ``invalid-field`` for the rest. What was sent is never echoed.
    """
    if isinstance(values, bytes) and len(values) > MAX_DECLARATION_BYTES:
        raise Refused("too-large", "Say less about this file: at most 16 KB.")
    try:
        # Before anything else that may be wrong: this answer decides what the person does next.
        first = _read(_Asked, values)
        if first.may_show_minor_sexually:
            raise _not_here()
        said = _read(Declaration, values)
    except ValidationError as error:
        raise _wrong(error) from None
    if said.day is not None and said.day > (clock.now() + FARTHEST_AHEAD).date():
        raise Refused("day-in-future", "This day is still to come: give the day that the file shows.", field="day")
    return said.model_copy(update={"name": cleaned(said.name)})


def details(said: Declaration, *, digest: str, salt: str, holder: str) -> ExhibitDetails:
    """What is sealed beside the exhibit."""
    return ExhibitDetails(
        name=said.name,
        digest=digest,
        salt=salt,
        holder=holder,
        hour=said.hour,
        author=said.author,
        address=said.address,
        note=said.note,
        shows=tuple(sorted(said.shows)),
    )


def _read(model: type[_Model], values: Mapping[str, Any] | bytes) -> _Model:
    return model.model_validate_json(values) if isinstance(values, bytes) else model.model_validate(values)


def _not_here() -> Refused:
    return Refused(
        MINOR,
        "Do not send this file: nobody but the police may hold it, and nothing of it was kept here. Call 3018 "
        "(free, every day from 9 to 23 h) or report its address on PHAROS (internet-signalement.gouv.fr). "
        "Note its address, the account and the date instead: that helps as much.",
        field="may_show_minor_sexually",
    )


def _wrong(error: ValidationError) -> Refused:
    faults = error.errors(include_input=False, include_url=False)
    places = [str(fault["loc"][0]) if fault["loc"] else "" for fault in faults]
    if "may_show_minor_sexually" in places:
        return Refused(
            "ask-first",
            "Say first whether this may be a sexual image of somebody under 18 (may_show_minor_sexually).",
            field="may_show_minor_sexually",
        )
    place = places[0] if places[0] in Declaration.model_fields else None
    return Refused(
        "invalid-field",
        f"Correct {place or 'the declaration of the file'} and send it again.",
        field=place,
    )
