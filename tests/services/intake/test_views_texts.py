"""Every code that a dossier may show has a text in both languages."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path
from typing import get_args

from services.intake.domain import timeline, view
from shared.contracts.event import Event
from shared.contracts.everyone import RecordViewed
from shared.contracts.intake import Role, Urgency

KEYS = set(tomllib.loads(Path("services/intake/templates/texts.toml").read_text("utf-8"))["fr"])


def test_every_next_step_has_a_text():
    codes = set(re.findall(r'"([a-z-]+)" if|else "([a-z-]+)"|code="([a-z-]+)"', inspect.getsource(view)))
    named = {one for found in codes for one in found if one}
    assert len(named) >= 16
    assert {f"step_{one}" for one in named} <= KEYS


def test_every_line_of_the_timeline_has_a_text():
    shown = {value.name for value in vars(timeline).values() if inspect.isclass(value) and issubclass(value, Event)}
    assert len(shown) == 17
    assert {f"event_{name}" for name in shown} <= KEYS


def test_roles_urgencies_and_records_have_a_text():
    records = get_args(RecordViewed.model_fields["record"].annotation)
    wanted = [f"role_{one}" for one in get_args(Role)]
    wanted += [f"urgency_{one}" for one in get_args(Urgency)] + [f"record_{one}" for one in records]
    assert set(wanted) <= KEYS
