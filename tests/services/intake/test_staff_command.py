from __future__ import annotations

from typing import Any, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from deploy.cli import opened_keyring, staff
from shared.errors import NotFound, Refused
from shared.trust.staff import enrolled


class Team:
    members: ClassVar[dict[str, Any]] = {}

    def __init__(self, _settings):
        pass

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def enrol_staff(self, name, role, passphrase):
        self.members[name] = await enrolled(name, role, passphrase)
        return self.members[name]

    async def staff(self):
        return sorted(self.members)

    async def staff_member(self, name):
        return self.members.get(name)

    async def remove_staff(self, name):
        del self.members[name]


@pytest.fixture
def recours(monkeypatch, quick_secrets):
    monkeypatch.setattr(opened_keyring, "keyring_of", Team)
    monkeypatch.setattr(Team, "members", {})
    app = typer.Typer()
    staff.register(app)

    def run(*arguments, passphrase="une longue phrase d'équipe"):
        return CliRunner().invoke(app, ["staff", *arguments], env={"RECOURS_STAFF_PASSPHRASE": passphrase})

    return run


def test_a_member_is_added_listed_and_removed(recours):
    added = recours("add", "claire", "--role", "lawyer")
    assert added.exit_code == 0, added.output
    assert "phrase" not in added.output
    assert recours("list").output.split() == ["claire", "lawyer"]
    assert "--yes" in str(recours("remove", "claire").exception)
    assert recours("remove", "claire", "--yes").exit_code == 0
    assert "Nobody is of the team yet" in recours("list").output


def test_what_is_wrong_is_said(recours):
    assert isinstance(recours("add", "claire", "--role", "lawyer", passphrase="court").exception, Refused)
    assert isinstance(recours("add", "Claire D", "--role", "lawyer").exception, Refused)
    assert isinstance(recours("remove", "nobody").exception, NotFound)
    assert recours("add", "claire", "--role", "judge").exit_code == 2
