"""Every event of recours, by name and by type, and the topics they travel on."""

from __future__ import annotations

from types import MappingProxyType

from pydantic import ValidationError

from shared.contracts import billing, everyone, evidence, intake, legal, notify
from shared.contracts.envelope import Envelope
from shared.contracts.event import Event, type_of
from shared.contracts.partners import MESSAGES, Refusal
from shared.errors import BrokenContract

EVENTS: tuple[type[Event], ...] = tuple(
    event
    for module in (intake, everyone, evidence, legal, billing, notify)
    for event in vars(module).values()
    if isinstance(event, type)
    and issubclass(event, Event)
    and event.__module__ == module.__name__
    and "name" in vars(event)
)
BY_TYPE = MappingProxyType({type_of(event): event for event in EVENTS})
MAX_EVENT_BYTES = 64 * 1024


def newest(event: Event) -> Event:
    """The event in its newest version: what every fold meets, whatever the log says."""
    while (newer := event.upcast()) is not event:
        event = newer
    return event


def topics() -> tuple[str, ...]:
    """All topics, of events and of partners, sorted."""
    return tuple(
        sorted({*(event.name for event in EVENTS), *(message.topic for message in MESSAGES), Refusal.topic}),
    )


def encode_body(event: Event) -> bytes:
    """The event's JSON body in UTF-8. Raises BrokenContract over 64 KB."""
    body = event.model_dump_json(exclude_none=True).encode()
    if len(body) > MAX_EVENT_BYTES:
        raise BrokenContract(f"A {event.name} event of {len(body)} bytes is over the bound of {MAX_EVENT_BYTES}.")
    return body


def decode_body(envelope: Envelope, body: bytes) -> Event:
    """The event that a body says, by its envelope's type, in its newest version.

    Raises:
        BrokenContract: an unknown type or version, or a body that its model refuses (fields named, values not).
    """
    model = BY_TYPE.get(envelope.type)
    if model is None:
        raise BrokenContract(f"Unknown event type {envelope.type}: deploy followers before publishers.")
    try:
        return newest(model.model_validate_json(body))
    except ValidationError as error:
        fields = {".".join(map(str, problem["loc"])) or "(body)" for problem in error.errors(include_input=False)}
        raise BrokenContract(f"A {model.name} body is malformed at {', '.join(sorted(fields))}.") from None
