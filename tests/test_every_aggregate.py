"""No aggregate escapes the laws: each one of each service has a class that inherits their suite."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.laws import AggregateLaws

SERVICES = ("intake", "evidence", "legal", "billing", "notify")
HERE = Path(__file__).parent


def test_every_aggregate_of_every_service_is_put_to_the_laws():
    for path in (HERE / "services").rglob("test_*.py"):
        if "AggregateLaws)" in path.read_text(encoding="utf-8"):
            importlib.import_module(".".join(("tests", *path.relative_to(HERE).with_suffix("").parts)))
    proven = {(one.service.name, one.aggregate) for one in AggregateLaws.__subclasses__()}
    declared = {
        (name, aggregate.name)
        for name in SERVICES
        for aggregate in importlib.import_module(f"services.{name}.service").service.aggregates
    }
    assert declared == proven & declared
    assert len(declared) >= 9
