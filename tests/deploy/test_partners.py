"""``recours partners`` and the path of docs/partners.md, run as it stands there, against billing and real engines."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from datetime import timedelta
from pathlib import Path

import pymongo
import pytest

from deploy.embedded.site import ROOT
from deploy.embedded.supervisor import Platform
from shared import clock, ids
from shared.errors import NotFound, Refused
from shared.runtime.archive import BusReading
from shared.trust.keyring import Keyring
from shared.trust.partners import partner_owner
from shared.trust.signing import generate
from tests.deploy.processes import until
from tests.deploy.toy_platform import recours

pytestmark = pytest.mark.platform
ID = "protection-exemple"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
async def platform(tmp_path_factory, engines):
    async with Platform(tmp_path_factory.mktemp("partners") / "up", ("billing",), engines=engines) as platform:
        yield platform


@pytest.fixture(scope="module")
def data(platform):
    return ("--data", str(platform.data))


@pytest.fixture
async def keyring(platform):
    settings = platform.settings_for("operator")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        yield keyring


@pytest.fixture
def outside(platform):
    with pymongo.MongoClient(platform.site.store_url) as client:
        yield client["recours_billing"]["outside"]


def key_file(folder: Path, name: str = "key.jwk") -> Path:
    """A new public key of nobody yet."""
    (folder / name).write_text(json.dumps(generate("partner:x", clock.now()).public().jwk()))
    return folder / name


def registering(partner: str, key: Path, *more: str, topic="partner.cover", cases="all", name="P"):
    options = ("--name", name, "--key", str(key), "--topic", topic, "--cases", cases)
    return ("partners", "register", partner, *options, *more)


async def refusal(*arguments: str) -> str:
    done = await recours(*arguments)
    assert isinstance(done.exception, Refused | NotFound), done.output
    return str(done.exception)


# ---- the path of docs/partners.md


def steps() -> tuple[dict[str, str], list[list[str]]]:
    """The page's scripts by name, and its commands up to the first message, in order."""
    page = (ROOT / "docs" / "partners.md").read_text().partition("## Keys that change")[0]
    blocks = BLOCK.findall(page)
    scripts = {text.split()[1]: text for language, text in blocks if language == "python"}
    commands = [
        shlex.split(line)
        for language, text in blocks
        if language == "sh"
        for line in text.replace("\\\n", " ").splitlines()
    ]
    return scripts, commands


async def run(command: list[str], folder: Path, data: tuple[str, ...], environment: dict[str, str]) -> None:
    """One command of the page, in the partner's folder; ``recours`` gets the platform's settings."""
    program = {"python": ("-W", "error"), "recours": ("-m", "deploy.cli.main")}[command[0]]
    given = [*command[1:], *(data if command[0] == "recours" else ())]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *program, *given),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.fixture(scope="module")
async def walked(platform, data, tmp_path_factory):
    """The partner's folder after every step of the page; the cover's reference is one that nobody knows."""
    folder = tmp_path_factory.mktemp("partner")
    scripts, commands = steps()
    assert [command[:3] for command in commands] == [
        ["python", "make_key.py"],
        ["recours", "partners", "register"],
        ["python", "say.py"],
    ]
    for name, text in scripts.items():
        (folder / name).write_text(text)
    for command in commands:
        await run(command, folder, data, {"BUS": platform.site.address("bus"), "COVER": ids.new()})
    return folder


async def test_a_message_made_as_the_page_says_is_verified_and_waits_for_its_case(walked, outside, keyring):
    await until(lambda: _as_awaited(outside.find_one({"_id": f"{ID}/2026-000123", "status": "waiting"})))
    assert (walked / "private.jwk").stat().st_mode & 0o077 == 0
    partner = await keyring.partner(ID)
    assert partner is not None
    assert (partner.name, partner.topics, partner.cases) == ("Protection Exemple", {"partner.cover"}, "*")


async def _as_awaited(found: object) -> bool:
    return found is not None


async def test_a_partner_that_was_removed_keeps_what_waits_and_says_nothing_more(walked, platform, data, outside):
    await until(lambda: _as_awaited(outside.find_one({"_id": f"{ID}/2026-000123", "status": "waiting"})))
    removed = await recours("partners", "remove", ID, "--yes", *data)
    assert removed.exit_code == 0, removed.output
    script = (walked / "say.py").read_text().replace("2026-000123", "2026-000124")
    (walked / "late.py").write_text(script)
    environment = {"BUS": platform.site.address("bus"), "COVER": ids.new()}
    await run(["python", "late.py"], walked, (), environment)

    async def refused() -> bool:
        said = [json.loads(one.body) async for one in BusReading(environment["BUS"], ("partner.refusals",))]
        return any(one["code"] == "bad-signature" and "outside its validity" in one["detail"] for one in said)

    await until(refused)
    # Whenever it is looked at again, its signature is judged at its reception.
    assert outside.find_one({"_id": f"{ID}/2026-000123"})["status"] == "waiting"
    assert outside.find_one({"_id": f"{ID}/2026-000124"}) is None


# ---- the registry


async def test_registering_again_is_harmless_and_a_correction_needs_a_yes(data, keyring, tmp_path):
    key = key_file(tmp_path)
    assert (await recours(*registering("again", key), *data)).exit_code == 0
    before = await keyring.partner("again")
    same = await recours(*registering("again", key), *data)
    assert (same.exit_code, "registered already" in same.output) == (0, True)
    assert await keyring.partner("again") == before
    corrected = registering("again", key, topic="partner.court-notice", cases=ids.new())
    assert "With --yes: again is registered: its topics become" in await refusal(*corrected, *data)
    assert await keyring.partner("again") == before
    assert (await recours(*corrected, "--yes", *data)).exit_code == 0
    after = await keyring.partner("again")
    assert (after.topics, len(after.cases), after.keys) == ({"partner.court-notice"}, 1, before.keys)


async def test_another_key_is_added_not_put_in_the_firsts_place(data, keyring, tmp_path):
    first, second = key_file(tmp_path), key_file(tmp_path, "second.jwk")
    await recours(*registering("two", first), *data)
    assert "add-key two" in await refusal(*registering("two", second), *data)
    window = ("--from", "2030-01-01", "--until", "2030-12-31")
    added = await recours("partners", "add-key", "two", "--key", str(second), *window, *data)
    assert added.exit_code == 0, added.output
    old, new = (await keyring.partner("two")).keys
    assert new.key_id in added.output
    assert (new.not_before.isoformat(), new.not_after.isoformat()) == (
        "2029-12-31T23:00:00+00:00",
        "2030-12-31T23:00:00+00:00",
    )
    assert "already" in await refusal("partners", "add-key", "two", "--key", str(second), *data)

    last = (old.not_after - timedelta(days=9)).isoformat()
    assert "With --yes" in await refusal("partners", "end-key", "two", old.key_id, "--at", last, *data)
    ended = await recours("partners", "end-key", "two", old.key_id, "--at", last, "--yes", *data)
    assert ended.exit_code == 0, ended.output
    assert [one.key_id for one in (await keyring.partner("two")).keys] == [old.key_id, new.key_id]
    listed = json.loads((await recours("partners", "list", "--json", *data)).stdout)
    assert next(one for one in listed if one["partner_id"] == "two")["keys"][1]["key_id"] == new.key_id


async def test_nobody_registers_anothers_key(data, keyring, tmp_path):
    key = key_file(tmp_path)
    await recours(*registering("owner", key), *data)
    assert "the key of partner:owner already" in await refusal(*registering("thief", key), *data)
    billing = next(one for one in await keyring.public_keys() if one.service == "billing")
    (tmp_path / "billing.jwk").write_text(json.dumps(billing.jwk()))
    assert "the key of billing already" in await refusal(*registering("thief", tmp_path / "billing.jwk"), *data)
    assert await keyring.partner("thief") is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"topic": "partner.covers"}, "choose among partner.court-notice, partner.cover"),
        ({"topic": "partner.referral"}, "no service reads it"),
        ({"topic": "payment-received"}, "no topic of partners"),
        ({"cases": "everything"}, "no case id"),
        ({"cases": ","}, "'all', or"),
        ({"name": " "}, "1 to 200"),
        ({"partner": "../billing"}, "no partner id"),
        ({"partner": "x"}, "no partner id"),
    ],
)
async def test_a_wrong_word_is_answered_by_the_right_ones(data, keyring, tmp_path, changed, says):
    arguments = {"partner": "wrong", "key": key_file(tmp_path), **changed}
    assert says in await refusal(*registering(**arguments), *data)
    assert await keyring.partner("wrong") is None


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (("--from", "tomorrow"), "--from is a day"),
        (("--from", "2030-01-01T00:00"), "--from is a day"),
        (("--from", "2030-01-02", "--until", "2030-01-01"), "end after it begins"),
        (("--until", "2020-01-01"), "in the past"),
    ],
)
async def test_a_wrong_window_is_refused(data, tmp_path, window, says):
    assert says in await refusal(*registering("wrong", key_file(tmp_path), *window), *data)


async def test_who_is_not_registered_cannot_be_changed(data, tmp_path):
    for arguments in (("remove", "nobody"), ("add-key", "nobody", "--key", str(key_file(tmp_path)))):
        assert "recours partners list" in await refusal("partners", *arguments, *data)
    await recours(*registering("known", key_file(tmp_path), name="K"), *data)
    assert "choose among partner:known-" in await refusal("partners", "end-key", "known", partner_owner("known"), *data)
