"""What stands inside sealed values: the published language of the parts that travel as age ciphertexts.

A sealed field of an event (`shared.contracts.event.Sealed`) is the JSON of one model here; which one, and to which
purpose, `shared.contracts.sealed_fields` says. ``content`` is what is sealed, `read_sealed` reads it. Whoever writes is
held to the model; whoever reads ignores fields that it does not know, so that a writer may add optional ones. Hours are
written HH:MM (HH:MM:SS where seconds are known).
"""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)

from shared.contracts.event import Id
from shared.contracts.evidence import Missing
from shared.contracts.intake import Language
from shared.errors import BrokenContract
from shared.money import Cents

Danger = Literal["suicide", "threat", "leaked-address", "sextortion", "child"]
Ground = Literal[
    "origin",
    "religion",
    "antisemitism",
    "sexual-orientation",
    "gender-identity",
    "sex",
    "disability",
    "elected-office",
    "other",
]
_HOUR: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_FIELD: Final = re.compile(r"[a-z_]+|[0-9]{1,3}")


def _as_hour(value: object) -> object:
    # Without this a number would be taken for seconds after midnight, and a text with a zone for a local hour.
    if not isinstance(value, time) and not (isinstance(value, str) and re.fullmatch(_HOUR, value)):
        raise ValueError("Write the hour as HH:MM")
    return value


def blank_is_none(value: object) -> object:
    """None for an empty text, as a form sends what was left empty."""
    return None if isinstance(value, str) and not value.strip() else value


Hour = Annotated[
    time,
    BeforeValidator(_as_hour),
    PlainSerializer(lambda hour: hour.isoformat("seconds" if hour.second else "minutes"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": _HOUR}),
]
Line = Annotated[str, Field(min_length=1, max_length=200)]
Longer = Annotated[str, Field(min_length=1, max_length=300)]
Mailbox = Annotated[str, Field(max_length=254, pattern=r"^[^\s@:;,\"<>()\x00-\x1f]+@[A-Za-z0-9.-]+$")]
"""One address and nothing else: no name, no list, no line break that would begin another header."""
Hash = Annotated[str, Field(pattern=r"^\$argon2id\$")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""32 bytes in lower-case hex: a SHA-256 digest, or the salt of a commitment."""


class Part(BaseModel):
    """A part of a sealed value. Neither its errors nor its repr show what is inside."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []


class SealedValue(Part):
    """The whole of one sealed value; its JSON Schema is ``sealed.<class name in kebab-case>.v1``."""

    def content(self) -> dict[str, Any]:
        """What is sealed: JSON without the parts that were not told."""
        return self.model_dump(mode="json", exclude_none=True)


class Wishes(Part):
    """How the person may be told: by which channel, from ``after`` up to ``before`` each day (Europe/Paris).

    The window may span midnight; equal ends mean the whole day. ``safe_subject`` stands as every mail's subject;
    ``show_place``: a calendar file may name the court.
    """

    channel: Literal["email", "none"] = "email"
    after: Hour = time(9)
    before: Hour = time(20)
    language: Language | None = None
    safe_subject: Annotated[
        Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f]+$")] | None, BeforeValidator(blank_is_none)
    ] = None
    show_place: bool = False


class Contact(SealedValue):
    """case-opened, case-updated ``sealed_contact``: who the person is and how to reach them; all of it optional.

    The names are those of legal's complaint. Without ``email``, or with the channel none, nothing is sent.
    """

    last_name: Line | None = None
    first_names: Line | None = None
    birth_day: date | None = None
    birth_place: Line | None = None
    nationality: Line | None = None
    occupation: Line | None = None
    address: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    email: Annotated[Mailbox | None, BeforeValidator(blank_is_none)] = None
    phone: Annotated[str, Field(max_length=30, pattern=r"^\+?[0-9 ().-]{6,30}$")] | None = None
    notify: Wishes = Wishes()


class Secrets(Part):
    """One access: ``code`` the argon2id hash of its code's secret half, ``passphrase`` that of the second secret."""

    code: Hash
    passphrase: Hash | None = None


class Account(SealedValue):
    """case-opened, case-updated ``sealed_account``: the hashed secrets of every access of the case, by access id."""

    accesses: dict[str, Secrets]


class Facts(SealedValue):
    """case-opened, case-updated ``sealed_facts``: what happened, in the person's words.

    ``dangers`` and ``ground`` never travel in clear. ``school``: it also happens there.
    """

    account: Annotated[str, Field(max_length=12_000)] = ""
    urls: Annotated[tuple[Annotated[HttpUrl, Field(max_length=500)], ...], Field(max_length=20)] = ()
    ground: Ground | None = None
    school: bool = False
    dangers: Annotated[tuple[Danger, ...], Field(max_length=5)] = ()


class Author(Part):
    """An author as far as known; a pseudonym counts."""

    handle: Line
    platform: Line | None = None


class Authors(SealedValue):
    """case-opened, case-updated ``sealed_authors``: the authors that the person knows of."""

    authors: Annotated[tuple[Author, ...], Field(max_length=50)] = ()


class ExhibitDetails(SealedValue):
    """evidence-uploaded ``sealed_details``: the file's name, what opens its commitment, and what was said of it.

    ``holder``: the depositor's opaque id. ``hour``: local to them. ``author``: a name or a pseudonym.
    ``address``: where the content is or was. ``shows``: what can be read on it.
    """

    name: Annotated[str, Field(max_length=4096)]
    digest: Hex32
    salt: Hex32
    holder: str
    hour: Hour | None = None
    author: Line | None = None
    address: Annotated[str, Field(max_length=2048)] | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None
    shows: tuple[Missing, ...] = ()


class ActDetails(Part):
    """What is known of one act beside its day: ``hour`` in ``zone`` (an IANA name, or what the capture shows)."""

    act: Id
    hour: Hour | None = None
    zone: str | None = None
    url: str | None = None
    platform: str | None = None
    account: str | None = None
    permanent_id: str | None = None
    words: str | None = None
    description: str | None = None


class ActsRead(SealedValue):
    """acts-extracted ``sealed_acts``: what an exhibit says of the acts that the event lists, by their ids."""

    acts: Annotated[tuple[ActDetails, ...], Field(max_length=200)] = ()


class DocumentDigest(SealedValue):
    """bundle-sealed, complaint-drafted, invoice-issued ``sealed_digest``: what opens the document's commitment.

    ``for_signature``: a complaint made ready to be filed, shown to the team alone until it is approved.
    """

    salt: Hex32
    digest: Hex32
    for_signature: bool = False


class Advice(SealedValue):
    """case-diagnosed ``sealed_advice``: what the lawyer tells the person, in words."""

    text: Annotated[str, Field(min_length=1, max_length=8000)]


class ReceiptDetails(SealedValue):
    """complaint-filed, partner.filing-receipt ``sealed_receipt``: where it was filed, and the number it got there."""

    place: Longer | None = None
    receipt: Annotated[str, Field(max_length=300)] = ""


class RemovalTarget(SealedValue):
    """removal-requested ``sealed_target``: the address of what is to be removed."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]


class PreservationTarget(SealedValue):
    """preservation-requested ``sealed_target``: whose data are to be kept, and by whom."""

    platform: Longer
    account: Longer


class IdentificationTarget(SealedValue):
    """identification-requested ``sealed_target``: what the authority was given to find the author by."""

    target: Annotated[str, Field(min_length=1, max_length=2000)]


class Identity(SealedValue):
    """author-identified ``sealed_identity``: who the author is."""

    name: Longer
    address: Annotated[str, Field(max_length=500)] = ""


class HearingDetails(SealedValue):
    """hearing-scheduled, partner.court-notice ``sealed_details``: where and when; ``hour`` in Europe/Paris."""

    hour: Hour | None = None
    court: Annotated[str, Field(max_length=300)] | None = None
    room: Annotated[str, Field(max_length=100)] | None = None
    docket: Annotated[str, Field(max_length=100)] | None = None
    notes: Annotated[str, Field(max_length=2000)] | None = None


class Damages(SealedValue):
    """judgment-given ``sealed_damages``: the amount awarded for the harm, in cents. It stands in no balance."""

    cents: Cents
    currency: Literal["EUR"] = "EUR"


class Policy(SealedValue):
    """cover-asked ``sealed_policy``: the contract of insurance; the insurer writes to ``holder`` at ``address``."""

    holder: Line
    number: Annotated[str, Field(min_length=1, max_length=100)]
    address: Annotated[str, Field(max_length=500)] = ""


_Read = TypeVar("_Read", bound=SealedValue)


def read_sealed(model: type[_Read], opened: object) -> _Read:
    """What a sealed value said, once opened; fields that the model does not know are ignored.

    Raises:
        BrokenContract: it does not follow the model; the fields are named, their values are not.
    """
    try:
        return model.model_validate(opened, extra="ignore")
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        fields = {".".join(_field(part) for part in fault["loc"]) or "(value)" for fault in faults}
    raise BrokenContract(f"A sealed {model.__name__} is malformed at {', '.join(sorted(fields))}.")


def _field(part: int | str) -> str:
    # A key of a dictionary is content, and stands in the path like a field.
    return str(part) if _FIELD.fullmatch(str(part)) else "*"
