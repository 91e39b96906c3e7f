"""The published language changes only in ways that every reader of the log can bear."""

from __future__ import annotations

import copy
import json
from typing import Any, ClassVar

import pytest

from shared.contracts import catalogue, schemas
from shared.contracts.event import Event, type_of
from shared.contracts.intake import CaseUpdated, Facets
from shared.contracts.sealed_fields import SEALED
from tests.shared.contracts.test_envelope import ENVELOPE

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "string", "maxLength": 10},
        "kind": {"enum": ["x", "y"], "type": "string"},
        "more": {"items": {"$ref": "#/$defs/One"}, "type": "array"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["a"],
    "$defs": {"One": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}, "required": ["n"]}},
}


def changed(change) -> list[str]:
    after = copy.deepcopy(SCHEMA)
    change(after)
    return schemas.breaking(SCHEMA, after)


def test_the_committed_schemas_and_asyncapi_are_those_of_the_models():
    assert schemas.differences() == []
    assert schemas.broken() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["properties"].update(new={"type": "string"}),
        lambda s: s["properties"]["kind"]["enum"].append("z"),
        lambda s: s["properties"]["a"].update(maxLength=20),
        lambda s: s["properties"]["a"].pop("maxLength"),
        lambda s: s["$defs"]["One"]["properties"]["n"].update(minimum=-5),
        lambda s: s["properties"]["maybe"]["anyOf"].append({"type": "string"}),
        lambda s: s.update(description="other words"),
        lambda s: s["required"].clear(),
    ],
)
def test_accepting_more_is_compatible(change):
    assert changed(change) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["properties"].pop("a"), "$.a is gone"),
        (lambda s: s["required"].append("kind"), "$.kind became required"),
        (lambda s: s["properties"]["kind"]["enum"].remove("y"), "enum"),
        (lambda s: s["properties"]["a"].update(maxLength=5), "maxLength"),
        (lambda s: s["properties"]["a"].update(pattern="^a"), "pattern"),
        (lambda s: s["properties"]["a"].update(type="integer"), "type"),
        (lambda s: s["$defs"]["One"]["properties"]["n"].update(minimum=3), "minimum"),
        (lambda s: s["$defs"]["One"]["required"].append("m"), "$.more[].m became required"),
        (lambda s: s["properties"]["maybe"]["anyOf"].pop(), "no longer accepts null"),
        (lambda s: s["properties"].update(more={"type": "string"}), "$.more"),
    ],
)
def test_accepting_less_is_refused_and_named(change, said):
    assert any(said in one for one in changed(change))


def test_a_planted_breaking_change_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    monkeypatch.setattr(schemas, "ASYNCAPI", tmp_path / "asyncapi.json")
    schemas.write()
    path = tmp_path / "case-opened.v1.json"
    published = json.loads(path.read_text())
    published["properties"]["withdrawn"] = {"type": "string"}
    path.write_text(json.dumps(published))
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"case-opened\.v1\.json: \$\.withdrawn is gone"):
        schemas.write()
    assert path.read_bytes() == before
    with pytest.raises(SystemExit, match="withdrawn is gone"):
        schemas.main(["check"])


def test_a_published_version_may_not_disappear(tmp_path, monkeypatch):
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    (tmp_path / "case-forgotten.v1.json").write_text("{}")
    assert schemas.broken() == ["case-forgotten.v1.json: a published version may not disappear."]


def test_what_is_inside_a_sealed_value_has_a_schema_that_says_where_it_stands():
    generated = schemas.schemas()
    details = generated["sealed.hearing-details.v1.json"]
    assert details["x-sealed-in"] == ["hearing-scheduled.sealed_details", "partner.court-notice.sealed_details"]
    assert details["additionalProperties"] is False
    assert {f"{event}.{field}" for event, field in SEALED} == {
        place for schema in generated.values() for place in schema.get("x-sealed-in", ())
    }


def test_a_breaking_change_of_a_sealed_value_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    monkeypatch.setattr(schemas, "ASYNCAPI", tmp_path / "asyncapi.json")
    schemas.write()
    path = tmp_path / "sealed.contact.v1.json"
    published = json.loads(path.read_text())
    published["properties"]["fax"] = {"type": "string"}
    path.write_text(json.dumps(published))
    assert "sealed.contact.v1.json: $.fax is gone" in schemas.broken()


def test_every_event_stands_in_the_asyncapi_with_its_owner():
    document = schemas.asyncapi()
    assert set(document["channels"]) >= {"case-opened", "evidence-uploaded", "payment-received", "partner.cover"}
    assert "billing-publishes-payment-received" in document["operations"]
    assert "intake-publishes-payment-received" not in document["operations"]
    assert {f"{one}-publishes-checkpoint" for one in ("intake", "evidence", "legal", "billing", "notify")} <= set(
        document["operations"]
    )


class Retold(CaseUpdated):
    """The second version of an event, as a breaking change would make it."""

    version: ClassVar[int] = 2
    told_by: str


class Told(CaseUpdated):
    def upcast(self) -> Event:
        return Retold(**self.model_dump(), told_by="unknown")


def test_what_the_log_says_in_an_older_version_is_met_in_the_newest(monkeypatch):
    monkeypatch.setattr(catalogue, "BY_TYPE", {type_of(Told): Told, type_of(Retold): Retold})
    told = CaseUpdated(facets=Facets(persona="victim"))
    [old, new] = [
        catalogue.decode_body(ENVELOPE.model_copy(update={"type": type_of(model)}), catalogue.encode_body(event))
        for model, event in ((Told, told), (Retold, Retold(facets=told.facets, told_by="a")))
    ]
    assert (type(old), old.facets, old.told_by) == (Retold, told.facets, "unknown")
    assert new.told_by == "a"


def test_a_version_without_an_upcaster_or_a_predecessor_is_refused(monkeypatch):
    assert schemas.unread() == []
    monkeypatch.setattr(schemas, "EVENTS", (Told, Retold))
    assert schemas.unread() == []
    monkeypatch.setattr(schemas, "EVENTS", (CaseUpdated, Retold))
    assert schemas.unread() == ["case-updated.v1: say by `upcast` what it is in version 2."]
    monkeypatch.setattr(schemas, "EVENTS", (Retold,))
    assert schemas.unread() == ["case-updated: its versions are not 1 to 1."]


def test_both_versions_stand_in_the_asyncapi_document(monkeypatch):
    monkeypatch.setattr(schemas, "EVENTS", (Told, Retold))
    document = schemas.asyncapi()
    assert set(document["channels"]["case-updated"]["messages"]) == {"case-updated.v1", "case-updated.v2"}
    assert {"case-updated.v1", "case-updated.v2"} <= set(document["components"]["messages"])
