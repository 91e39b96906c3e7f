"""``recours receipts check``: good, altered and foreign receipts, told apart offline."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.cli.receipt_words import EVENTS, TERMS
from services.intake.workers import READABLE
from shared.contracts import catalogue
from shared.contracts.envelope import signed_bytes
from shared.runtime.archive import line_of
from shared.runtime.messages import Arrival
from shared.trust.jws import sign_compact
from shared.trust.receipts import TYP, issue
from shared.trust.signing import KeySet, generate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE = "6e3d4b7e-14a4-4ecd-a5d8-27d81c3084ba"
LEGAL, INTAKE, PARTNER = generate("legal", NOW), generate("intake", NOW), generate("partner:maif", NOW)
CLAIMS = {
    "event": "e-1",
    "type": "recours.complaint-filed.v1",
    "time": "2026-03-01T11:30:00Z",
    "case": CASE,
    "sha256": "ab" * 32,
}
CERTIFICATE = {
    "certificate": "erasure",
    "case": CASE,
    "erasure": "x",
    "purposes": ["contact"],
    "cleared": {"billing": {"at": "2026-03-01T11:00:00Z", "kept": {"invoices": 2}}, "legal": {"at": "…", "kept": {}}},
    "readable": ["identifiers", "amounts"],
}


@pytest.fixture
def folder(tmp_path):
    keys = KeySet([LEGAL.public(), INTAKE.public(), PARTNER.public()])
    (tmp_path / "service-keys.json").write_text(keys.to_json())
    return tmp_path


def check(folder, *files, language="en"):
    arguments = ["receipts", "check", *map(str, files), "--keys", str(folder / "service-keys.json")]
    return CliRunner().invoke(app, [*arguments, "--language", language])


def as_json(folder, *files):
    arguments = ["receipts", "check", *map(str, files), "--keys", str(folder / "service-keys.json"), "--json"]
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, json.loads(done.stdout)


def kept(folder, text, name="one.jws"):
    (folder / name).write_text(text)
    return folder / name


def test_a_good_receipt_is_told_in_plain_words_in_the_readers_language(folder):
    file = kept(folder, issue(LEGAL, CLAIMS, NOW) + "\n")
    english, french = check(folder, file), check(folder, file, language="fr")
    assert (english.exit_code, french.exit_code) == (0, 0)
    assert f"On 2026-03-01 12:30, legal recorded for case {CASE}: the complaint was filed." in english.stdout
    assert (
        f"Le 2026-03-01 12:30, le service legal a enregistré pour le dossier {CASE} : la plainte a été déposée."
        in french.stdout
    )
    assert "1 good, 0 not good, 0 files not checked." in english.stdout
    assert french.stdout.startswith(f"valable  {file}")
    assert "Reçus valables : 1 ; non valables : 0 ; fichiers non vérifiés : 0." in french.stdout


def test_an_erasure_certificate_says_who_cleared_and_what_stays(folder):
    said = check(folder, kept(folder, issue(INTAKE, CERTIFICATE, NOW))).stdout
    assert "keys of case" in said
    assert "Cleared: billing, legal. Kept, because the law says so: invoices (billing)." in said
    assert "Still readable: identifiers, amounts." in said


def test_an_erasure_certificate_speaks_french_throughout(folder):
    said = check(folder, kept(folder, issue(INTAKE, CERTIFICATE, NOW)), language="fr").stdout
    assert "Services qui ont effacé ce qu’ils détenaient : billing, legal." in said
    assert "Conservé par obligation légale : des factures (billing)." in said
    assert "Reste lisible : des identifiants, des montants." in said


def test_what_an_erasure_leaves_readable_has_words():
    assert set(READABLE) <= set(TERMS)


def spoilt(receipt):
    head, body, signature = receipt.split(".")
    return f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize(
    ("receipt", "english", "french"),
    [
        (spoilt(issue(LEGAL, CLAIMS, NOW)), "It is not as legal signed it", "tel que le service legal l’a signé"),
        (issue(PARTNER, CLAIMS, NOW), "No key of these services", "Aucune clé de ces services ne l’a signé"),
        (
            issue(LEGAL, CLAIMS, NOW + timedelta(days=9000)),
            "outside its validity",
            "n’était pas valable : elle vaut du",
        ),
        (sign_compact(LEGAL, TYP, {"iss": "legal", "iat": 2**39}), "of 9999-12-31", "le reçu est du 9999-12-31"),
        (sign_compact(LEGAL, TYP, {"iss": "intake", "iat": 1}), "is legal's: it is no receipt", "celle de legal"),
        (sign_compact(LEGAL, TYP, {"iat": 1}), "It is none of our receipts", "Ce n’est pas un de nos reçus"),
        ("a.b.c", "It is none of our receipts", "Ce n’est pas un de nos reçus"),
    ],
    ids=["altered", "unknown key", "outside validity", "at the end of time", "another's key", "no issuer", "no JWS"],
)
def test_what_is_wrong_with_a_receipt_is_said_in_the_readers_language(folder, receipt, english, french):
    file = kept(folder, receipt)
    for language, verdict, says in (("en", "NOT GOOD", english), ("fr", "NON VALABLE", french)):
        done = check(folder, file, language=language)
        assert done.exit_code == 1
        assert done.stdout.startswith(f"{verdict}  {file}")
        assert says in done.stdout


@pytest.mark.parametrize(
    ("content", "english", "french"),
    [
        (None, "It cannot be read (FileNotFoundError)", "Il est illisible (FileNotFoundError)"),
        (b"\xff", "It cannot be read (UnicodeDecodeError)", "Il est illisible (UnicodeDecodeError)"),
        (b"[]", "There is no receipt in it.", "Il ne contient aucun reçu."),
        (b"no receipt", "something else than receipts", "autre chose que des reçus"),
    ],
)
def test_why_a_file_is_not_checked_is_said_in_the_readers_language(folder, content, english, french):
    file = folder / "one.jws"
    if content is not None:
        file.write_bytes(content)
    for language, verdict, says in (("en", "NOT CHECKED", english), ("fr", "NON VÉRIFIÉ", french)):
        done = check(folder, file, language=language)
        assert done.exit_code == 2
        assert f"{verdict}  {file}" in done.stdout
        assert says in done.stdout


def test_a_log_or_keys_that_cannot_be_read_are_told_in_french(folder):
    file, log = kept(folder, issue(LEGAL, CLAIMS, NOW)), folder / "log.jsonl"
    log.write_bytes(line_of(record()) + b"not a record")
    assert "Sa ligne 2 n’est pas un enregistrement" in check(folder, file, "--log", log, language="fr").stdout
    said = check(folder, file, "--log", folder / "none", language="fr").stdout
    assert "Il est illisible (FileNotFoundError)" in said
    (folder / "service-keys.json").write_text("{}")
    assert "Ce ne sont pas les clés des services" in check(folder, file, language="fr").stdout


def test_every_event_of_the_catalogue_has_words():
    assert {event.name for event in catalogue.EVENTS} == set(EVENTS)


def test_an_event_of_a_later_version_is_told_by_its_name_and_other_claims_are_shown_whole(folder):
    later = issue(LEGAL, CLAIMS | {"type": "recours.appeal-lodged.v1"}, NOW)
    other = issue(LEGAL, {"something": "else"}, NOW)
    code, said = as_json(folder, kept(folder, f"{later} {other}"))
    assert code == 0
    assert "appeal-lodged" in said["receipts"][0]["says"]
    assert '"something": "else"' in said["receipts"][1]["says"]


def test_an_altered_receipt_is_not_good_and_the_exit_code_says_so(folder):
    good = issue(LEGAL, CLAIMS, NOW)
    head, body, signature = good.split(".")
    altered = f"{head}.{body[:-2]}{'AA' if body[-2:] != 'AA' else 'BB'}.{signature}"
    code, said = as_json(folder, kept(folder, f"{good}\n{altered}"))
    assert (code, said["result"]) == (1, "not-good")
    assert [one["good"] for one in said["receipts"]] == [True, False]
    assert said["receipts"][0]["claims"]["case"] == CASE
    assert said["receipts"][1]["claims"] is None


@pytest.mark.parametrize("key", [PARTNER, generate("legal", NOW)], ids=["a partner's", "a stranger's"])
def test_what_no_service_signed_is_no_receipt(folder, key):
    done = check(folder, kept(folder, issue(key, CLAIMS, NOW)))
    assert done.exit_code == 1
    assert "No key of these services signed it" in done.stdout


def test_a_receipt_of_a_time_when_the_key_was_not_valid_is_not_good(folder):
    done = check(folder, kept(folder, issue(LEGAL, CLAIMS, NOW - timedelta(days=1))))
    assert done.exit_code == 1
    assert "outside its validity" in done.stdout


def test_the_services_json_answer_is_read_as_it_was_saved(folder):
    one = {"event": "e-1", "type": "t", "time": "x", "receipt": issue(LEGAL, CLAIMS, NOW)}
    code, said = as_json(folder, kept(folder, json.dumps([one, one]), "answer.json"))
    assert (code, said["result"], len(said["receipts"])) == (0, "ok", 2)


def record(body: bytes = b"{}", event: str = "e-1") -> Arrival:
    headers = (("ce_id", event.encode()), ("ce_signature", b"s"))
    return Arrival("complaint-filed", 0, 0, b"k", headers, body)


@pytest.mark.parametrize(
    ("log", "code", "says"),
    [
        ([record(), record(event="e-2")], 0, "The log holds it as it was."),
        ([record(), record()], 0, "The log holds it as it was."),
        ([record(b'{"day":"other"}')], 1, "THE LOG HOLDS SOMETHING ELSE"),
        ([record(), record(b'{"day":"other"}')], 1, "THE LOG HOLDS SOMETHING ELSE"),
        ([record(event="e-2")], 1, "THE LOG DOES NOT HOLD IT"),
        ([], 1, "THE LOG DOES NOT HOLD IT"),
    ],
)
def test_what_was_receipted_is_held_against_the_log(folder, log, code, says):
    digest = hashlib.sha256(signed_bytes(record().headers, record().body)).hexdigest()
    file = kept(folder, issue(LEGAL, CLAIMS | {"sha256": digest}, NOW))
    (folder / "log.jsonl").write_bytes(b"".join(map(line_of, log)))
    done = check(folder, file, "--log", folder / "log.jsonl")
    assert (done.exit_code, says in done.stdout) == (code, True), done.output


def test_a_log_that_cannot_be_read_is_not_checked(folder):
    file = kept(folder, issue(LEGAL, CLAIMS, NOW))
    assert check(folder, file, "--log", folder / "none").exit_code == 2
    assert check(folder, file, "--log", kept(folder, "not a record", "log.jsonl")).exit_code == 2


@pytest.mark.parametrize("text", ["", "no receipt at all", "[]", "{}", '{"receipts": [1, null]}'])
def test_a_file_without_receipts_is_not_checked_and_never_called_good(folder, text):
    good = kept(folder, issue(LEGAL, CLAIMS, NOW))
    code, said = as_json(folder, good, kept(folder, text, "other"))
    assert (code, said["result"]) == (2, "not-checked")
    assert [one["good"] for one in said["receipts"]] == [True]
    assert [one["file"] for one in said["unreadable"]] == [str(folder / "other")]


def test_missing_files_and_keys_are_not_checked(folder, tmp_path):
    assert check(folder, folder / "none.jws").exit_code == 2
    (folder / "service-keys.json").write_text("{}")
    done = check(folder, kept(folder, issue(LEGAL, CLAIMS, NOW)))
    assert done.exit_code == 2
    assert "fetch service-keys.json again" in done.stdout


def test_a_receipt_cannot_steer_the_terminal(folder):
    claims = CLAIMS | {"type": "recours.x.v1", "case": "\x1b[2J\x1b]0;title\x07"}
    done = check(folder, kept(folder, issue(LEGAL, claims, NOW)))
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
