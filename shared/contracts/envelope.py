"""The envelope: CloudEvents 1.0 in Kafka binary mode, with the extensions of recours.

Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2 (binary content mode): each attribute is a header
``ce_<attribute>`` in UTF-8, ``content-type`` is the data's media type and the record's value is the data.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from shared.clock import milliseconds
from shared.contracts.event import Id
from shared.errors import BrokenContract

Header = tuple[str, bytes]
CONTENT_TYPE = "application/json"


def timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC with exactly three decimals, e.g. ``2026-11-22T13:10:24.005Z``."""
    return milliseconds(instant).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


Instant = Annotated[AwareDatetime, PlainSerializer(timestamp, return_type=str)]


class Envelope(BaseModel):
    """The context attributes of one event.

    ``source`` is ``/recours/<service>``; ``subject`` the case id (for a checkpoint: the writer); ``sequence`` counts
    the events of ``aggregate`` from 1 without a gap; ``epoch`` is ``<writer>/<number>``, the checkpoint interval in
    which a writer stored it (empty for checkpoints themselves); ``causation`` is the id of what led to it and
    ``correlation`` that of the first cause.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    source: Annotated[str, Field(pattern=r"^/recours/[a-z]+$")]
    type: Annotated[str, Field(pattern=r"^recours\.[a-z-]+\.v[0-9]+$")]
    time: Instant
    subject: Id
    aggregate: Annotated[str, Field(min_length=3, max_length=200)]
    sequence: Annotated[int, Field(ge=1)]
    causation: Annotated[str, Field(max_length=200)]
    correlation: Annotated[str, Field(max_length=200)]
    epoch: Annotated[str, Field(max_length=100)] = ""
    traceparent: Annotated[str, Field(max_length=100)] = ""
    keyid: Id = "unsigned"

    @property
    def service(self) -> str:
        return self.source.removeprefix("/recours/")


_ATTRIBUTES = {
    "ce_id": "id",
    "ce_source": "source",
    "ce_type": "type",
    "ce_time": "time",
    "ce_subject": "subject",
    "ce_aggregate": "aggregate",
    "ce_sequence": "sequence",
    "ce_causationid": "causation",
    "ce_correlationid": "correlation",
    "ce_epoch": "epoch",
    "ce_keyid": "keyid",
    "traceparent": "traceparent",
}
SIGNATURE = "ce_signature"


def signed_bytes(headers: Iterable[Header], body: bytes) -> bytes:
    """What the Ed25519 signature covers: every header but itself, sorted by name, and the body's SHA-256.

    One line a header, ``name:<length>:value``; the length makes the reading unambiguous.
    """
    lines = [b"%s:%d:%s" % (name.encode(), len(value), value) for name, value in sorted(headers) if name != SIGNATURE]
    return b"recours-event-v1\n" + b"\n".join(lines) + b"\nbody-sha256:" + hashlib.sha256(body).hexdigest().encode()


def encode(envelope: Envelope) -> tuple[Header, ...]:
    """The record's headers, in a fixed order, without the signature."""
    fields = envelope.model_dump(mode="json")
    pairs = ((header, str(fields[name])) for header, name in _ATTRIBUTES.items())
    return (
        ("ce_specversion", b"1.0"),
        *((header, value.encode()) for header, value in pairs if value),
        ("content-type", CONTENT_TYPE.encode()),
    )


def sign(headers: tuple[Header, ...], signature: bytes) -> tuple[Header, ...]:
    """The headers with the signature's header added at the end."""
    return (*headers, (SIGNATURE, base64.b64encode(signature)))


def signature_of(headers: Iterable[Header]) -> bytes | None:
    """The raw signature, or None where there is none. Raises BrokenContract on bad base64 or on two of them."""
    found = [value for name, value in headers if name == SIGNATURE]
    if not found:
        return None
    if len(found) > 1:
        raise BrokenContract("The event carries two signatures; exactly one is allowed.")
    try:
        return base64.b64decode(found[0], validate=True)
    except ValueError as error:
        raise BrokenContract("The event's signature is not base64.") from error


def decode(headers: Iterable[Header]) -> Envelope:
    """Read an envelope from a record's headers.

    Raises:
        BrokenContract: not CloudEvents 1.0, a header twice or missing, or a value of the wrong shape. The message
            names headers, never their values.
    """
    seen: dict[str, str] = {}
    for name, value in headers:
        if name in seen:
            raise BrokenContract(f"The header {name[:40]} stands twice.")
        try:
            seen[name] = value.decode() if name in _ATTRIBUTES or name == "ce_specversion" else ""
        except UnicodeDecodeError as error:
            raise BrokenContract(f"The header {name[:40]} is not UTF-8.") from error
    if seen.get("ce_specversion") != "1.0":
        raise BrokenContract("The record is no CloudEvent 1.0 in binary mode (ce_specversion).")
    return _validated(Envelope, {name: seen[header] for header, name in _ATTRIBUTES.items() if header in seen})


def _validated(model: type[Envelope], values: Mapping[str, str]) -> Envelope:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        names = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
        raise BrokenContract(f"Missing or malformed attributes: {', '.join(sorted(names))}.") from None


class Message(BaseModel):
    """One record of the bus, exactly as it is there: headers and body are the signed bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    key: bytes
    headers: tuple[Header, ...]
    body: bytes

    def with_signature(self, signature: bytes) -> Self:
        return self.model_copy(update={"headers": sign(self.headers, signature)})
