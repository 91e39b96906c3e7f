from __future__ import annotations

from dataclasses import replace

import pytest

from tests.deploy.processes import until
from tests.deploy.toy_platform import Toys, declare, recours, toy_platform, undeclare
from tests.shared.runtime import toy

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
async def toys(tmp_path_factory, engines):
    declare()
    async with toy_platform(tmp_path_factory.mktemp("operators") / "up", engines) as platform:
        with Toys(platform) as toys:
            toys.data = ("--data", str(platform.data))
            toys.cases = await toys.open_cases(4)
            await toys.quiet(toys.cases)
            yield toys
    undeclare()


@pytest.fixture(autouse=True)
def healed(monkeypatch):
    """The commands run the version of notify that reads everything; the services still run the one that does not."""
    monkeypatch.setenv("TOY_HEALED", "1")


async def poisoned(toys) -> tuple[str, str]:
    """A case with an update that notify cannot fold: the case and its dead letter's id."""
    [case] = await toys.open_cases(1)
    await toys.quiet([case])
    await toys.act(case, "update", toy.POISON)
    letters = toys.store("notify").dead_letters

    async def dead():
        return letters.find_one({"case": case}) is not None

    await until(dead)
    return case, letters.find_one({"case": case})["_id"]


async def test_a_dead_letter_is_listed_shown_and_once_it_can_be_read_redriven(toys, monkeypatch):
    monkeypatch.delenv("TOY_HEALED")
    case, letter = await poisoned(toys)
    listed = await recours("dead-letters", "list", "--service", "notify", *toys.data)
    assert letter in listed.output
    assert "fold-failed" in listed.output
    assert "1 dead letter of notify." in listed.output
    shown = await recours("dead-letters", "show", letter, "--service", "notify", *toys.data)
    assert "ValueError at evolve_told" in shown.output
    assert "recours.case-updated.v1" in shown.output
    assert str(toy.POISON) not in shown.output
    assert "Camille" not in listed.output + shown.output
    raw = await recours("dead-letters", "show", letter, "--service", "notify", "--body", *toys.data)
    assert str(toy.POISON) in raw.output

    kept = await toys.audit()
    assert kept.result == "ok", kept.findings
    assert kept.notes["facts in dead letters"] == 1

    again = await recours("dead-letters", "redrive", letter, "--service", "notify", *toys.data)
    assert again.exit_code == 1
    assert "0 applied, 1 stay" in again.output
    assert toys.store("notify").states.find_one({"case": case})["held"] == 1

    monkeypatch.setenv("TOY_HEALED", "1")
    healed = await recours("dead-letters", "redrive", "--all", "--service", "notify", *toys.data)
    assert healed.exit_code == 0, healed.output
    assert "1 applied, 0 stay" in healed.output
    assert toys.store("notify").dead_letters.count_documents({}) == 0
    await toys.quiet([case])
    told = toys.store("notify").events.count_documents({"aggregate": f"notify/case/{case}"})
    assert told == 4, "opening, two updates, and the reminder"
    report = await toys.audit()
    assert report.result == "ok", report.findings
    assert "facts in dead letters" not in report.notes


async def test_a_dead_letter_that_is_not_there_is_refused_with_what_to_do(toys):
    shown = await recours("dead-letters", "show", "nothing", "--service", "notify", *toys.data)
    assert "list them again" in str(shown.exception)
    redriven = await recours("dead-letters", "redrive", "--service", "notify", *toys.data)
    assert "or give --all" in str(redriven.exception)
    unknown = await recours("dead-letters", "list", "--service", "courier", *toys.data)
    assert "no service 'courier'" in str(unknown.exception)


async def test_republishing_is_harmless_and_the_audit_counts_the_duplicates(toys):
    inbox = toys.store("notify").inbox.count_documents({})
    events = toys.store("intake").events.count_documents({})
    said = await recours("republish", "intake", *toys.data)
    assert said.exit_code == 0, said.output
    assert f"{events} events of intake published again" in said.output
    report = await toys.audit()
    assert report.result == "ok", report.findings
    assert sum(one.duplicates for one in report.types if one.service == "intake") == events

    while "facts not yet read by notify" in report.notes:
        report = await toys.audit()
    assert toys.store("notify").inbox.count_documents({}) == inbox


async def test_a_running_service_signs_with_its_rotated_key_and_the_audit_verifies_both(toys):
    before = _signers(toys)
    said = await recours("keys", "rotate", "intake", "--yes", *toys.data)
    assert said.exit_code == 0, said.output

    async def signed_anew():
        await toys.act(toys.cases[0], "update")
        return bool(_signers(toys) - before)

    await until(signed_anew, 60)
    [new] = _signers(toys) - before
    assert new in said.output
    await toys.quiet(toys.cases)
    report = await toys.audit()
    assert report.result == "ok", report.findings


def _signers(toys) -> set[str]:
    """Ids of the keys that intake's events are signed with."""
    events = toys.store("intake").events.find({})
    return {bytes(value).decode() for one in events for name, value in one["headers"] if name == "ce_keyid"}


async def test_an_archive_is_replaced_only_on_a_yes(toys, tmp_path):
    file = tmp_path / "log.jsonl"
    assert (await recours("topics", "export", str(file), *toys.data)).exit_code == 0
    before = file.read_bytes()
    refused = await recours("topics", "export", str(file), *toys.data)
    assert "Nothing was changed. With --yes" in str(refused.exception)
    assert file.read_bytes() == before
    assert (await recours("topics", "export", str(file), "--yes", *toys.data)).exit_code == 0


async def test_a_member_is_replaced_or_removed_only_on_a_yes(toys, monkeypatch):
    monkeypatch.setenv("RECOURS_STAFF_PASSPHRASE", "correct horse battery")
    add, remove = ("staff", "add", "amina", "--role"), ("staff", "remove", "amina")
    assert (await recours(*add, "lawyer", *toys.data)).exit_code == 0
    assert "amina is lawyer already" in str((await recours(*add, "admin", *toys.data)).exception)
    assert "amina (lawyer) can sign in no more" in str((await recours(*remove, *toys.data)).exception)
    assert "amina  lawyer" in (await recours("staff", "list", *toys.data)).output
    assert (await recours(*remove, "--yes", *toys.data)).exit_code == 0
    assert "Nobody is of the team" in (await recours("staff", "list", *toys.data)).output


async def test_topics_are_made_once(toys):
    said = await recours("topics", "apply", *toys.data)
    assert said.exit_code == 0, said.output
    assert "0 topics made" in said.output


async def test_an_edited_state_is_made_right_by_a_refold_of_all(toys):
    states = toys.store("notify").states
    one = states.find_one({"case": toys.cases[0]})
    states.update_one({"_id": one["_id"]}, {"$set": {"state": "{}"}})
    assert (await toys.audit()).totals == {"state-differs": 1}
    untouched = await recours("refold", "notify", *toys.data)
    assert "0 states of notify folded again" in untouched.output
    said = await recours("refold", "notify", "--all", *toys.data)
    assert said.exit_code == 0, said.output
    assert f"{states.count_documents({})} states of notify folded again, 1 written." in said.output
    await toys.quiet(toys.cases)
    report = await toys.audit()
    assert report.result == "ok", report.findings


async def test_states_of_an_older_fold_are_refolded_at_once(toys, monkeypatch):
    states = toys.store("notify").states
    monkeypatch.setenv("TOY_FOLD", "2")
    newer = replace(toy.NOTIFY, aggregates=(replace(toy.NOTIFY.aggregates[0], fold=2),))
    declare(toy.INTAKE, newer)
    try:
        with toys.paused():
            count = states.count_documents({})
            before = await toys.audit()
            assert before.result == "ok", before.findings
            assert before.notes["states of another fold, made again when next loaded"] == count
            said = await recours("refold", "notify", *toys.data)
            assert said.exit_code == 0, said.output
            assert f"{count} states of notify folded again, {count} written." in said.output
            assert all('"version":2' in one["state"] and one["fold"] == 2 for one in states.find({}))
            after = await toys.audit()
            assert after.result == "ok", after.findings
            assert "states of another fold, made again when next loaded" not in after.notes
    finally:
        declare()
