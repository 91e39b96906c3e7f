from __future__ import annotations

import io
import json
import logging
from datetime import UTC, date, datetime

import pytest

from shared import logs
from shared.errors import Refused

CASE = "6f0f8f0e-5d3b-5c1e-9f0e-7265636f7572"
PERSONAL = ["jean.dupont@example.org", "+33612345678", "Jean Dupont", "je vais mal", "https://x.example/u/jean"]


@pytest.fixture
def lines():
    import structlog

    kept = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    stream = io.StringIO()
    logs.configure("intake", "a", "debug", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**kept[0])
    logging.getLogger().handlers[:] = kept[1]
    logging.getLogger().setLevel(kept[2])


def test_a_line_is_json_with_its_origin_and_the_known_values(lines):
    logs.logger("services.intake").info("batch-folded", facts=3, seconds=0.5, case_id=CASE, topic="case-opened")
    (line,) = lines()
    assert line["event"] == "batch-folded"
    assert (line["service"], line["replica"], line["level"], line["facts"]) == ("intake", "a", "info", 3)
    assert (line["case_id"], line["topic"]) == (CASE, "case-opened")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize("key", [*logs.SHAPES, "email", "event_text"])
def test_no_key_lets_personal_data_through(lines, key, value):
    logs.logger("x").info("saved", **{key: value})
    assert value not in json.dumps(lines(), ensure_ascii=False)


@pytest.mark.parametrize("value", [*PERSONAL[1:], {"name": "Jean"}, ["Jean"], b"Jean", object()])
def test_an_event_that_is_a_sentence_is_masked(lines, value):
    logs.logger("x").info(value)
    assert lines()[0]["event"] == logs.MASK


def test_a_dropped_key_is_named_so_that_its_author_sees_it(lines):
    logs.logger("x").info("saved", email="jean@example.org")
    assert lines()[0]["dropped"] == ["email"]


def test_an_exception_is_its_class_and_places_and_never_its_message(lines):
    try:
        try:
            raise KeyError("jean@example.org")
        except KeyError as error:
            raise ValueError("Jean Dupont") from error
    except ValueError:
        logs.logger("x").exception("fold-failed")
        logging.getLogger("aiokafka").exception("could not %s", "Jean Dupont")
    ours, theirs = lines()
    for line in (ours, theirs):
        assert (line["error"], line["caused_by"]) == ("ValueError", "KeyError")
        assert line["frames"][-1].startswith("tests.deploy.test_logs:")
    assert "Jean" not in json.dumps(lines())
    assert "jean" not in json.dumps(lines())
    assert theirs["logger"] == "aiokafka"


def test_an_error_of_recours_shows_its_code_and_never_its_message(lines):
    try:
        raise Refused("too-many-authors", "Jean Dupont wrote too much.")
    except Refused:
        logs.logger("x").exception("command-refused")
    assert lines()[0]["code"] == "too-many-authors"
    assert "Jean" not in json.dumps(lines())


def test_a_library_says_where_it_spoke_and_not_what(lines):
    logging.getLogger("aiokafka.conn").warning("no broker for %s", "Jean Dupont")
    (line,) = lines()
    assert line["event"] == "library-says"
    assert line["at"].startswith("test_logs:")
    assert "Jean" not in json.dumps(line)


def test_trace_and_ids_are_on_every_line_inside_and_on_none_after(lines):
    with logs.bound(f"00-{'a' * 32}-{'b' * 16}-01", case_id=CASE):
        logs.logger("x").info("one")
    with logs.bound("00-nonsense"):
        logs.logger("x").info("two")
    one, two = lines()
    assert (one["trace_id"], one["span_id"], one["case_id"]) == ("a" * 32, "b" * 16, CASE)
    assert not {"trace_id", "case_id"} & set(two)


def test_instants_days_and_routes_keep_their_shape(lines):
    logs.logger("x").info("slept", until=datetime(2026, 1, 2, tzinfo=UTC), day=date(2026, 1, 2), route="/cases/{case}")
    logs.logger("x").info("came", route="/join/Xy7Secret9")
    one, two = lines()
    assert (one["until"], one["day"], one["route"]) == ("2026-01-02T00:00:00+00:00", "2026-01-02", "/cases/{case}")
    assert two["route"] == logs.MASK


def test_a_program_that_forgot_to_configure_prints_nothing_personal(capfd):
    import subprocess
    import sys

    code = "from shared import logs; logs.logger('x').warning('saved', email='jean@example.org')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["dropped"] == ["email"]
    assert "jean" not in done.stderr + done.stdout
