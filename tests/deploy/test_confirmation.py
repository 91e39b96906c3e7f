"""Nothing is taken away by accident: each such command asks, and without anybody to ask it changes nothing."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import confirmation
from deploy.cli.demo import STOPPING
from deploy.cli.main import app
from deploy.embedded import lock
from shared import clock
from shared.errors import Refused


@pytest.fixture
def asked(monkeypatch):
    """Somebody sits at the terminal and gives this answer; the questions asked."""
    questions: list[str] = []
    answers = {"now": False}

    def answer(question: str, **_) -> bool:
        questions.append(question)
        return answers["now"]

    monkeypatch.setattr(confirmation.sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr(confirmation.typer, "confirm", answer)
    return questions, answers


def test_nobody_to_ask_means_no_and_tells_of_yes():
    with pytest.raises(Refused, match=r"Nothing was changed. With --yes: It goes away\."):
        confirmation.confirm("It goes away.", yes=False)


def test_the_answer_of_the_person_at_the_terminal_decides(asked):
    questions, answers = asked
    with pytest.raises(Refused, match=r"^Nothing was changed\.$"):
        confirmation.confirm("It goes away.", yes=False)
    answers["now"] = True
    confirmation.confirm("It goes away.", yes=False)
    assert len(questions) == 2


def test_yes_asks_nobody(asked):
    confirmation.confirm("It goes away.", yes=True)
    assert asked[0] == []


def refusal(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert isinstance(done.exception, Refused), done.output
    return str(done.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("topics", "export", "FILE"),
        ("keys", "export", "FILE"),
        ("keys", "rotate", "legal"),
    ],
)
def test_a_file_that_is_there_and_a_key_in_use_are_kept_without_a_yes(tmp_path, arguments):
    file = tmp_path / "kept"
    file.write_text("precious")
    assert "Nothing was changed. With --yes: " in refusal(*(str(file) if one == "FILE" else one for one in arguments))
    assert file.read_text() == "precious"


@pytest.mark.parametrize(("content", "says"), [("precious", "no report"), ('{"result": "ok"}', "no report")])
def test_an_audit_replaces_no_file_but_an_earlier_report(tmp_path, content, says):
    file = tmp_path / "log.jsonl"
    file.write_text(content)
    assert says in refusal("audit", "--json", str(file))
    assert file.read_text() == content


def test_an_audit_says_at_once_that_its_report_has_no_place(tmp_path):
    assert "no directory" in refusal("audit", "--json", str(tmp_path / "none" / "audit.json"))


def test_an_audit_of_no_service_is_refused():
    assert "nothing would say ok" in refusal("audit", "--services", " , ")


@pytest.fixture
def demonstration(tmp_path) -> Path:
    """What a demonstration leaves, as far as its command looks at it."""
    platform = tmp_path / "demo" / "platform"
    platform.mkdir(parents=True)
    for name in ("supervisor.log", "platform.json"):
        (platform / name).write_text("{}")
    (tmp_path / "demo" / "summary.json").write_text("{}")
    return tmp_path / "demo"


def test_a_demonstration_leaves_a_folder_of_anything_else_alone(tmp_path):
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "thesis.tex").write_text("years")
    assert "something else" in refusal("demo", "--into", str(tmp_path), "--yes")
    assert (tmp_path / "platform" / "thesis.tex").exists()


def test_a_demonstration_with_a_strangers_file_in_it_is_left_alone(demonstration):
    (demonstration / "notes.txt").write_text("mine")
    assert "something else" in refusal("demo", "--into", str(demonstration), "--yes")
    assert (demonstration / "notes.txt").exists()


def test_a_demonstration_whose_platform_runs_is_left_alone(demonstration):
    held = lock.take(demonstration / "platform")
    try:
        assert "already runs" in refusal("demo", "--into", str(demonstration), "--yes")
    finally:
        os.close(held)
    assert (demonstration / "summary.json").exists()


def test_a_demonstration_that_was_used_since_is_replaced_only_on_a_yes(demonstration):
    later = (clock.now() + STOPPING + timedelta(minutes=1)).timestamp()
    os.utime(demonstration / "platform" / "platform.json", (later, later))
    assert "will be lost" in refusal("demo", "--into", str(demonstration))
    assert (demonstration / "summary.json").exists()


def test_a_demonstration_goes_into_no_file(tmp_path):
    (tmp_path / "file").write_text("x")
    assert "choose a folder" in refusal("demo", "--into", str(tmp_path / "file"))
