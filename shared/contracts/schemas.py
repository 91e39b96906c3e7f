"""JSON Schemas of events and sealed values, the check that a published one changes compatibly, the AsyncAPI document.

``python -m shared.contracts.schemas check`` compares the models with the committed schemas; ``write`` brings the files
up to date, and refuses a breaking change: that is a new version, with an upcaster.

Followers are deployed before publishers and the log is kept for ever, so a schema may only come to accept more: new
optional fields, more enum values, wider bounds.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.contracts.catalogue import EVENTS
from shared.contracts.event import SERVICES, Event, type_of
from shared.contracts.partners import MESSAGES, PartnerMessage, Refusal
from shared.contracts.sealed import SealedValue
from shared.contracts.sealed_fields import SEALED

PARTNERS: tuple[type[PartnerMessage | Refusal], ...] = (*MESSAGES, Refusal)
ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).with_name("schemas")
ASYNCAPI = ROOT / "docs" / "events.asyncapi.json"
_WORDS = frozenset({"title", "description", "default", "examples"})
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


def schemas() -> dict[str, dict[str, Any]]:
    """File name → JSON Schema (draft 2020-12), of events, of partners' messages and of what is inside sealed values."""
    files: dict[str, dict[str, Any]] = {}
    for event in EVENTS:
        files[f"{event.name}.v{event.version}.json"] = _described(event.model_json_schema(), event, type_of(event))
    for message in PARTNERS:
        files[f"{message.topic}.v1.json"] = _described(message.model_json_schema(), message, message.topic)
    for model in dict.fromkeys(content.model for content in SEALED.values()):
        name = f"sealed.{re.sub('(?<!^)(?=[A-Z])', '-', model.__name__).lower()}.v1"
        places = [f"{event}.{field}" for (event, field), content in SEALED.items() if content.model is model]
        files[f"{name}.json"] = _described(model.model_json_schema(), model, name) | {"x-sealed-in": places}
    return files


def text(document: Mapping[str, Any]) -> str:
    """A generated document as it is committed."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def breaking(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What ``after`` no longer accepts of what ``before`` did; empty when it accepts all of it."""
    return list(_narrowed(_resolved(before, before), _resolved(after, after), "$"))


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of the published language."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for event in EVENTS:
        message_name = f"{event.name}.v{event.version}"
        channel = channels.setdefault(
            event.name,
            {
                "address": event.name,
                "description": f"Published by {event.owner or 'every service'}. Key: the case id. "
                "One partition per case.",
                "messages": {},
            },
        )
        channel["messages"][message_name] = {"$ref": f"#/components/messages/{message_name}"}
        messages[message_name] = {
            "name": type_of(event),
            "contentType": "application/json",
            "summary": (event.__doc__ or event.name).strip().split("\n")[0],
            "bindings": {"kafka": {"key": {"type": "string"}}},
            "payload": {"$ref": f"../shared/contracts/schemas/{message_name}.json"},
        }
        for service in (event.owner,) if event.owner else SERVICES:
            operations[f"{service}-publishes-{event.name}"] = {
                "action": "send",
                "channel": {"$ref": f"#/channels/{event.name}"},
                "tags": [{"name": service}],
            }
    for message in PARTNERS:
        inbound = message is not Refusal
        channels[message.topic] = {
            "address": message.topic,
            "description": "Published by partners as a compact JWS." if inbound else "Answers to partners.",
            "messages": {message.topic: {"$ref": f"#/components/messages/{message.topic}"}},
        }
        messages[message.topic] = {
            "name": message.topic,
            "contentType": "application/jose" if inbound else "application/json",
            "summary": (message.__doc__ or "").strip().split("\n")[0],
            "payload": {"$ref": f"../shared/contracts/schemas/{message.topic}.v1.json"},
        }
    info = {"title": "recours: events", "version": "1", "description": "Generated from shared/contracts."}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def differences() -> list[str]:
    """How the committed files differ from the models, one sentence each."""
    wanted = {SCHEMAS / name: text(schema) for name, schema in schemas().items()} | {ASYNCAPI: text(asyncapi())}
    there = {*SCHEMAS.glob("*.json"), *([ASYNCAPI] if ASYNCAPI.exists() else [])}
    wanted |= dict.fromkeys(there - set(wanted), "")
    return [
        f"{path.name} differs from its model: run `make contracts`."
        for path, content in sorted(wanted.items())
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]


def broken() -> list[str]:
    """The breaking changes of the models against the committed schemas."""
    found: list[str] = []
    current = schemas()
    for path in sorted(SCHEMAS.glob("*.json")):
        after = current.get(path.name)
        if after is None:
            found.append(f"{path.name}: a published version may not disappear.")
            continue
        found += [f"{path.name}: {one}" for one in breaking(json.loads(path.read_text(encoding="utf-8")), after)]
    return found


def unread() -> list[str]:
    """Older versions of which nobody says what they are in the next one, and gaps between versions."""
    found: list[str] = []
    for name in sorted({event.name for event in EVENTS}):
        versions = sorted((event for event in EVENTS if event.name == name), key=lambda event: event.version)
        if [event.version for event in versions] != list(range(1, len(versions) + 1)):
            found.append(f"{name}: its versions are not 1 to {len(versions)}.")
        found += [
            f"{name}.v{event.version}: say by `upcast` what it is in version {event.version + 1}."
            for event in versions[:-1]
            if event.upcast is Event.upcast
        ]
    return found


def write() -> None:
    """Write schemas and AsyncAPI. Raises SystemExit on a breaking change, having written nothing."""
    if problems := broken():
        raise SystemExit("\n".join([*problems, "A published version may only come to accept more: add a new version."]))
    SCHEMAS.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (SCHEMAS / name).write_text(text(schema), encoding="utf-8")
    ASYNCAPI.parent.mkdir(exist_ok=True)
    ASYNCAPI.write_text(text(asyncapi()), encoding="utf-8")


def _described(schema: dict[str, Any], model: type[Any], name: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:recours:{name}",
        **schema,
        **_owned(model),
    }


def _owned(model: type[Any]) -> dict[str, str]:
    """Who writes it; a sealed value is written by whoever owns the events that carry it."""
    if issubclass(model, SealedValue):
        return {}
    return {"x-owner": (model.owner or "every service") if issubclass(model, Event) else "partners"}


def _resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    """The schema with its references in place and without words."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _resolved(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
        return {
            key: {name: _resolved(one, root) for name, one in value.items()}
            if key == "properties"
            else _resolved(value, root)
            for key, value in schema.items()
            if key == "properties" or (key not in _WORDS and not key.startswith(("$", "x-")))
        }
    if isinstance(schema, list):
        return [_resolved(one, root) for one in schema]
    return schema


def _narrowed(before: Any, after: Any, at: str) -> Iterator[str]:
    if before == after:
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield f"{at} changed"
        return
    if "anyOf" in before or "anyOf" in after:
        choices = after.get("anyOf", [after])
        for one in before.get("anyOf", [before]):
            if all(list(_narrowed(one, choice, at)) for choice in choices):
                yield f"{at} no longer accepts {one.get('type', 'a choice')}"
        return
    yield from _fields(before, after, at)
    for key in sorted((set(before) | set(after)) - {"properties", "required"}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if key in {"items", "additionalProperties"} and isinstance(old, dict) and isinstance(new, dict):
            yield from _narrowed(old, new, f"{at}[]")
        elif not _wider(key, old, new):
            yield f"{at} has another {key}"


def _fields(before: Mapping[str, Any], after: Mapping[str, Any], at: str) -> Iterator[str]:
    old, new = before.get("properties", {}), after.get("properties", {})
    for name in sorted(set(old) - set(new)):
        yield f"{at}.{name} is gone"
    for name in sorted(set(after.get("required", ())) - set(before.get("required", ()))):
        yield f"{at}.{name} became required"
    for name in sorted(set(old) & set(new)):
        yield from _narrowed(old[name], new[name], f"{at}.{name}")


def _wider(key: str, old: Any, new: Any) -> bool:
    if key in _LOWER:
        return new is None or (old is not None and new <= old)
    if key in _UPPER:
        return new is None or (old is not None and new >= old)
    if key == "enum":
        return new is None or (old is not None and set(old) <= set(new))
    if key == "const":
        return new is None
    return key == "pattern" and new is None


def main(arguments: list[str]) -> None:
    match arguments:
        case ["write"]:
            write()
        case ["check"]:
            problems = [*unread(), *broken(), *differences()]
            if problems:
                raise SystemExit("\n".join(problems))
        case _:
            raise SystemExit("Say `check` or `write`.")


if __name__ == "__main__":
    main(sys.argv[1:])
