"""``recours backup`` and ``recours restore`` on a directory as a stopped platform leaves it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.embedded import lock
from tests.deploy.toy_platform import recours

PATHS = (
    "keyring/raft/vault.db",
    "keyring/master.key",
    "keyring/audit.jsonl",
    "store/data/WiredTiger.wt",
    "objects/data/0/recours-evidence/one",
    "objects/data/0/recours-bus/log",
    "objects/state/s3.json",
    "payment/payments.sqlite3",
    "mails/1.eml",
    "ports.json",
)
GONE_BACK = {
    "keyring": {"keyring/raft/vault.db", "keyring/master.key"},
    "store": {"store/data/WiredTiger.wt"},
    "objects": {"objects/data/0/recours-evidence/one", "objects/state/s3.json"},
}


def written(root: Path, content: str) -> None:
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
        (root / path).chmod(0o600)


def told(root: Path) -> dict[str, str]:
    return {path: (root / path).read_text() for path in PATHS if (root / path).exists()}


@pytest.fixture
def data(tmp_path):
    data = tmp_path / "up"
    written(data, "before")
    (data / "engines").write_text("embedded")
    return data


@pytest.fixture
async def backup(data, tmp_path):
    made = await recours("backup", str(tmp_path / "backup"), "--data", str(data))
    assert made.exit_code == 0, made.output
    return tmp_path / "backup"


def restore(backup: Path, data: Path, *more: str):
    return recours("restore", str(backup), "--data", str(data), *more)


@pytest.mark.parametrize("part", GONE_BACK)
async def test_a_part_goes_back_alone_and_the_log_never_does(backup, data, part):
    written(data, "after")
    assert (await restore(backup, data, "--only", part, "--yes")).exit_code == 0
    assert {path for path, content in told(data).items() if content == "before"} == GONE_BACK[part]
    assert not [one for one in data.rglob("*") if one.name.endswith((".restoring", ".replaced"))]


async def test_what_came_since_and_the_backup_does_not_know_goes_with_its_part(backup, data):
    (data / "objects/data/0/recours-evidence/two").write_text("after")
    (data / "objects/data/0/recours-bus/more").write_text("after")
    await restore(backup, data, "--yes")
    assert not (data / "objects/data/0/recours-evidence/two").exists()
    assert (data / "objects/data/0/recours-bus/more").exists()


async def test_a_platform_that_is_lost_comes_back_whole_and_it_is_said_what_that_costs(backup, tmp_path):
    again = tmp_path / "again"
    restored = await restore(backup, again, "--yes")
    assert restored.exit_code == 0, restored.output
    assert told(again) == dict.fromkeys(PATHS, "before")
    assert "The log was not there" in restored.output
    assert (again / "keyring/master.key").stat().st_mode & 0o777 == 0o600


async def test_a_restore_that_was_cut_off_may_be_repeated(backup, data):
    written(data, "after")
    (data / "store").rename(data / "store.replaced")
    (data / "store.restoring").mkdir()
    assert (await restore(backup, data, "--only", "store", "--yes")).exit_code == 0
    assert told(data)["store/data/WiredTiger.wt"] == "before"
    assert {one.name for one in data.glob("store*")} == {"store"}


async def test_a_damaged_part_is_not_used_and_the_others_are(backup, data):
    written(data, "after")
    (backup / "store/data/WiredTiger.wt").write_text("flipped")
    refused = await restore(backup, data, "--yes")
    assert refused.exit_code == 1
    assert "is not what was backed up" in str(refused.exception)
    assert told(data) == dict.fromkeys(PATHS, "after")
    assert (await restore(backup, data, "--only", "keyring", "--yes")).exit_code == 0


async def test_the_keyring_may_be_deleted_from_a_backup_before_the_rest(backup, data):
    for path in (backup / "keyring/raft/vault.db", backup / "keyring/master.key"):
        path.unlink()
    assert (await restore(backup, data, "--only", "store,objects", "--yes")).exit_code == 0
    assert (await restore(backup, data, "--only", "keyring", "--yes")).exit_code == 1


@pytest.mark.parametrize("command", ["backup", "restore"])
async def test_a_platform_that_runs_is_left_alone(backup, data, command, tmp_path):
    written(data, "after")
    held = lock.take(data)
    where = str(tmp_path / "other" if command == "backup" else backup)
    refused = await recours(command, where, "--data", str(data), *(["--yes"] if command == "restore" else []))
    os.close(held)
    assert refused.exit_code == 1
    assert "already runs" in str(refused.exception)
    assert told(data) == dict.fromkeys(PATHS, "after")
    assert not (tmp_path / "other").exists()


async def test_nothing_goes_back_without_a_yes(backup, data):
    written(data, "after")
    refused = await restore(backup, data)
    assert refused.exit_code == 1
    assert "Nothing was changed" in str(refused.exception)
    assert told(data) == dict.fromkeys(PATHS, "after")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backup", "{backup}", "--data", "{data}"), "is there already"),
        (("backup", "{tmp}/new", "--data", "{tmp}/none"), "No platform was ever started"),
        (("restore", "{tmp}/none", "--data", "{data}", "--yes"), "holds no backup"),
        (("restore", "{backup}", "--data", "{data}", "--only", "log", "--yes"), "choose among keyring, store, objects"),
    ],
)
async def test_what_cannot_be_done_says_what_to_name_instead(backup, data, tmp_path, arguments, said):
    named = [one.format(backup=backup, data=data, tmp=tmp_path) for one in arguments]
    refused = await recours(*named)
    assert refused.exit_code == 1
    assert said in str(refused.exception)


async def test_a_backup_of_other_engines_is_refused(backup, data):
    (data / "engines").write_text("real")
    refused = await restore(backup, data, "--yes")
    assert refused.exit_code == 1
    assert "real engines" in str(refused.exception)
