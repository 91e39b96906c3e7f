"""The complaint as a document: what a French complaint carries, typeset as PDF/A-3b and PDF/UA-1.

Legal texts, qualifications, delays and penalties arrive as data from the rules; no article number stands here. A
field that is empty is printed as "non renseigné", so that a reader sees what is missing. Until a lawyer approves it,
every page says so. Only black and greys are used: courts print and scan in greyscale.
"""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Literal, Self

from babel.dates import format_date
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shared.clock import PARIS
from shared.money import Cents
from shared.typesetting import Attachment, typeset, typeset_async

TEMPLATE = Path(__file__).parent / "templates" / "complaint.typ"

Procedure = Literal["simple", "civil-party", "direct-summons", "civil"]
Number = Annotated[int, Field(ge=1, le=10_000)]


class _Part(BaseModel):
    # Inputs stay out of validation errors: they are the person's data.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CivilStatus(_Part):
    """Who a person is. The address stands in `Domicile` alone, so that the lawyer's can take its place."""

    last_name: str | None = None
    first_names: str | None = None
    birth_day: date | None = None
    birth_place: str | None = None
    nationality: str | None = None
    occupation: str | None = None
    email: str | None = None
    phone: str | None = None


class Domicile(_Part):
    """Where acts are served: the person's own address, or the lawyer's when the person so wishes."""

    kind: Literal["person", "lawyer"] = "person"
    address: str | None = None


class Representation(_Part):
    """Who acts for a minor and on what ground (parental authority, guardian, ad hoc administrator)."""

    person: CivilStatus = CivilStatus()
    capacity: str | None = None
    proof: str | None = None
    proof_exhibit: Number | None = None


class Mandate(_Part):
    """The lawyer's mandate; ``given_on`` is the day it was signed."""

    lawyer: str | None = None
    bar: str | None = None
    address: str | None = None
    email: str | None = None
    given_on: date | None = None
    reference: str | None = None


class Court(_Part):
    """The court addressed, and why it is competent (wording and citation come from the rules)."""

    addressee: str | None = None
    name: str | None = None
    address: str | None = None
    ground: str | None = None
    citation: str | None = None


class Author(_Part):
    """A person complained of, by number; ``identity`` only once an authority or the file established it."""

    number: Number
    platform: str | None = None
    account: str | None = None
    permanent_id: str | None = None
    identity: str | None = None


class Qualification(_Part):
    """An offence as the rules word it: its name, the dated citation, the penalty incurred."""

    name: str
    citation: str | None = None
    penalty: str | None = None


class Act(_Part):
    """One act: its legal day and hour are those of ``zone`` (an IANA name, or what the capture shows)."""

    number: Number
    day: date | None = None
    hour: time | None = None
    zone: str | None = None
    url: str | None = None
    platform: str | None = None
    account: str | None = None
    permanent_id: str | None = None
    words: str | None = None
    description: str | None = None
    exhibits: tuple[Number, ...] = ()
    author: Number | None = None
    qualifications: tuple[Qualification, ...] = ()


class Certificate(_Part):
    """A medical certificate; ``itt_days`` is the total incapacity to work, in days, that it finds."""

    day: date | None = None
    issuer: str | None = None
    itt_days: Annotated[int, Field(ge=0)] | None = None
    exhibit: Number | None = None


class Harm(_Part):
    """The harm claimed; ``claimed_cents`` is the sum asked, when one is."""

    description: str | None = None
    itt_days: Annotated[int, Field(ge=0)] | None = None
    claimed_cents: Cents | None = None
    certificates: tuple[Certificate, ...] = ()


class EarlierComplaint(_Part):
    day: date | None = None
    place: str | None = None
    reference: str | None = None
    outcome: str | None = None
    exhibit: Number | None = None


class Requisition(_Part):
    """Data to be required from ``holder`` before ``expires_on`` (the last day it is held, by the rule cited)."""

    data: str
    holder: str | None = None
    account: str | None = None
    acts: tuple[Number, ...] = ()
    expires_on: date | None = None
    route: str | None = None
    feasibility: Literal["possible", "doubtful", "not-lawful"] | None = None
    citation: str | None = None


class Witness(_Part):
    name: str | None = None
    contact: str | None = None
    subject: str | None = None
    exhibit: Number | None = None


class Exhibit(_Part):
    """A numbered exhibit: SHA-256 in hexadecimal, and its timestamp's instant, authority and standing."""

    number: Number
    title: str
    media_type: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    stamped_at: AwareDatetime | None = None
    authority: str | None = None
    standing: Literal["qualified", "not-qualified", "unknown"] = "unknown"


class Formality(_Part):
    """A form that the procedure requires, from the rules: what, how it is met, and the citation."""

    name: str
    met_by: str | None = None
    citation: str | None = None


class Approval(_Part):
    """A lawyer's approval: it alone takes the draft mention away."""

    lawyer: str = Field(min_length=1)
    bar: str = Field(min_length=1)
    approved_at: AwareDatetime


class ComplaintFile(_Part):
    """All that the document says. ``drawn_up`` is its instant; numbers quoted must exist in the file.

    Raises:
        pydantic.ValidationError: a number is used twice, or an act, requisition, witness or certificate quotes an
            exhibit, author or act that the file does not list. The error shows no input.
    """

    reference: str = Field(min_length=1, max_length=80)
    procedure: Procedure
    basis: str | None = None
    drawn_up: AwareDatetime
    drawn_up_at: str | None = None
    victim: CivilStatus
    victim_is_minor: bool | None = None
    representation: Representation | None = None
    domicile: Domicile = Domicile()
    mandate: Mandate | None = None
    court: Court = Court()
    hearing_at: AwareDatetime | None = None
    authors: tuple[Author, ...] = ()
    summary: str | None = None
    acts: tuple[Act, ...] = ()
    harm: Harm = Harm()
    earlier_complaints: tuple[EarlierComplaint, ...] = ()
    requisitions: tuple[Requisition, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    requests: tuple[str, ...] = ()
    formalities: tuple[Formality, ...] = ()
    deposit_cents: Cents | None = None
    deposit_waiver: str | None = None
    exhibits: tuple[Exhibit, ...] = ()
    approval: Approval | None = None

    @model_validator(mode="after")
    def _numbers_hold_together(self) -> Self:
        exhibits = _unique("exhibit", [item.number for item in self.exhibits])
        authors = _unique("author", [item.number for item in self.authors])
        acts = _unique("act", [item.number for item in self.acts])
        quoted: dict[str, list[int | None]] = {
            "exhibit": [
                *(number for act in self.acts for number in act.exhibits),
                *(item.exhibit for item in self.harm.certificates),
                *(item.exhibit for item in self.earlier_complaints),
                *(item.exhibit for item in self.witnesses),
                self.representation.proof_exhibit if self.representation else None,
            ],
            "author": [act.author for act in self.acts],
            "act": [number for item in self.requisitions for number in item.acts],
        }
        for kind, known in (("exhibit", exhibits), ("author", authors), ("act", acts)):
            unknown = {number for number in quoted[kind] if number is not None} - known
            if unknown:
                raise ValueError(f"The complaint quotes {kind} {min(unknown)}, which it does not list. Add it.")
        return self


def _unique(kind: str, numbers: list[int]) -> set[int]:
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"Two items share one {kind} number. Number each {kind} once.")
    return set(numbers)


def render_complaint(file: ComplaintFile, attachments: tuple[Attachment, ...] = ()) -> bytes:
    """The complaint as PDF/A-3b and PDF/UA-1, the same bytes for the same file.

    Raises BrokenContract when the template cannot be typeset. Blocks: in a coroutine use `render_complaint_async`.
    """
    return typeset(TEMPLATE, _data(file), created=file.drawn_up, attachments=attachments)


async def render_complaint_async(file: ComplaintFile, attachments: tuple[Attachment, ...] = ()) -> bytes:
    """`render_complaint` beside the event loop."""
    return await typeset_async(TEMPLATE, _data(file), created=file.drawn_up, attachments=attachments)


def _data(file: ComplaintFile) -> object:
    """The file as JSON, with days, hours and amounts worded in French (instants in Europe/Paris)."""
    return _worded(file)


def _worded(value: object, field: str = "") -> object:
    if isinstance(value, tuple):
        return [_worded(item, field) for item in value]
    match value:
        case BaseModel():
            return {name: _worded(getattr(value, name), name) for name in type(value).model_fields}
        case datetime():
            local = value.astimezone(PARIS)
            offset = f"{local:%z}"
            hour = f"{local.hour} h {local:%M min %S s}"
            return f"{_day(local.date())} à {hour} (heure de Paris, UTC{offset[:3]}:{offset[3:]})"
        case date():
            return _day(value)
        case time():
            return f"{value.hour} h {value:%M}" + (f" min {value:%S} s" if value.second else "")
        case int() if field.endswith("_cents"):
            return f"{value // 100:,}".replace(",", "\u00a0") + f",{value % 100:02d}\u00a0€"
        case str() if not value.strip():
            return None
        case _:
            return value


def _day(day: date) -> str:
    written = format_date(day, "d MMMM y", locale="fr_FR")
    return written.replace("1 ", "1er ", 1) if day.day == 1 else written
