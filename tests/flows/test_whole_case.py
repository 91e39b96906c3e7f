"""One whole case from its opening to the judgment, seen from outside: folder, documents, log, what was forgotten."""

from __future__ import annotations

import asyncio
import email
import hashlib
import json
import re
from datetime import datetime, time, timedelta
from email.policy import default
from email.utils import parseaddr

import pytest
from icalendar import Calendar
from pypdf import PdfReader

from deploy.demo.client import Person
from deploy.demo.particulars import COURT
from deploy.demo.people import AUTHORS, GUARDIAN, SEARCHED, VICTIM
from deploy.demo.story import FEE, PASSPHRASE, STAFF
from deploy.embedded.engines.keyring import root_token
from shared import clock
from shared.clock import PARIS
from shared.contracts import envelope
from shared.contracts.catalogue import decode_body
from shared.errors import BrokenSignature
from shared.runtime import archive
from shared.runtime.messages import verify
from shared.trust import receipts
from shared.trust.keyring import Keyring, KeysDestroyed
from shared.trust.policies import case_path
from shared.trust.sealing import Purpose, open_sealed
from shared.trust.signing import KeySet
from tests.deploy.toy_platform import recours
from tests.flows.asking import ask, refused

pytestmark = pytest.mark.platform
NAMES_THE_MATTER = re.compile(
    r"recours|harc[eèé]l|plainte|complaint|victim|insulte|menace|avocat|lawyer|tribunal|parquet|procureur|police|"
    r"papotis|camille|coll[eè]ge|judiciaire d",
    re.IGNORECASE,
)
"""What a lock screen or an open letter must not show. An invoice may say that the service was legal."""


@pytest.fixture(scope="module")
def keys(folder):
    return KeySet.from_json((folder / "service-keys.json").read_text())


@pytest.fixture(scope="module")
def log(folder):
    """Every record of ``log.jsonl`` by event id."""
    records = list(archive.read_file(folder / "log.jsonl"))
    return {envelope.decode(one.headers).id: one for one in records if not one.topic.startswith("partner.")}


@pytest.fixture(scope="module")
async def desk(platform, story):
    """The team, signed in anew."""
    members = {role: Person(story.http) for role in STAFF}
    for role, name in STAFF.items():
        await members[role].sign_in("/api/sessions/staff", {"name": name, "passphrase": PASSPHRASE})
    return members


def text_of(path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())


async def openssl(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "openssl", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


# ---- the folder


def test_the_folder_holds_what_other_tools_read(folder, played):
    there = {path.name for path in folder.iterdir()}
    assert there == {
        *("exhibits", "receipts", "mails", "tsa-chain.pem", "service-keys.json", "log.jsonl"),
        *("complaint.pdf", "invoice.pdf", "hearing.ics"),
    }
    assert len(played.exhibits) == 6
    assert {path.name for path in (folder / "exhibits").iterdir()} == set(played.exhibits)


def test_each_exhibit_is_there_as_it_was_deposited_with_what_is_known_of_it(folder, played):
    for exhibit, sample in played.exhibits.items():
        place = folder / "exhibits" / exhibit
        assert {path.name for path in place.iterdir()} == {"original", "token.tsr", "exhibit.json"}
        said = json.loads((place / "exhibit.json").read_text())
        content = (place / "original").read_bytes()
        assert content == sample.content
        assert said["sha256"] == hashlib.sha256(content).hexdigest()
        assert said["size"] == len(content)
        assert re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", said["media_type"])
        assert timedelta() < clock.now() - datetime.fromisoformat(said["gen_time"]) < timedelta(hours=1)
        assert said["qualified"] is False


async def test_openssl_accepts_every_token_for_its_file_and_no_other(folder, played):
    chain = str(folder / "tsa-chain.pem")
    for exhibit in played.exhibits:
        place = folder / "exhibits" / exhibit
        token = ("ts", "-verify", "-in", str(place / "token.tsr"), "-CAfile", chain)
        code, said = await openssl(*token, "-data", str(place / "original"))
        assert (code, "Verification: OK" in said) == (0, True), said
        code, said = await openssl(*token, "-data", str(place / "exhibit.json"))
        assert code != 0
        code, said = await openssl("ts", "-reply", "-in", str(place / "token.tsr"), "-text")
        stamped = re.search(r"Time stamp: (\w+ +\d+ \d+:\d+:\d+)[.\d]* (\d+) GMT", said)
        assert stamped, said
        told = datetime.fromisoformat(json.loads((place / "exhibit.json").read_text())["gen_time"])
        assert datetime.strptime(f"{stamped[1]} {stamped[2]} +0000", "%b %d %H:%M:%S %Y %z") == told.replace(
            microsecond=0
        )


# ---- documents


def test_the_complaint_is_archivable_and_accessible(folder):
    metadata = PdfReader(folder / "complaint.pdf").xmp_metadata
    assert metadata is not None
    said = metadata.rdf_root.toxml()
    for name, value in (("pdfaid:part", "3"), ("pdfaid:conformance", "B"), ("pdfuaid:part", "1")):
        assert re.search(rf"<{name}>{value}</{name}>", said, re.IGNORECASE), name


def test_the_complaint_carries_what_a_complaint_carries(folder, played):
    said = text_of(folder / "complaint.pdf")
    told = {
        "civil status": (
            VICTIM.last_name,
            VICTIM.first_name,
            "1er mars 2012",
            "Exempleville",
            "française",
            "collégienne",
        ),
        "contacts": (GUARDIAN.email, GUARDIAN.phone),
        "domicile": ("12 rue des Lilas, 00000 Exempleville",),
        "capacity and its proof": ("mineur", GUARDIAN.first_name, "autorité parentale", "livret de famille"),
        "mandate": ("Me Alix Exemple", "Mandat 2026-001"),
        "signature": ("Signature", "Relu et approuvé par Me Alix Exemple"),
        "court and why": (COURT, "Domicile de la victime, faits commis en ligne"),
        "harm, ITT, certificates": ("sommeil perdu", "5 jours", "Dr Morgane Exemple"),
        "earlier complaints": ("Commissariat d’Exempleville", "main courante"),
        "data and their expiry": ("adresse IP et port", "réquisition", "Conservées jusqu’au"),
        "witnesses": ("Lou Témoin-Exemple",),
        "authors": [author.handle for author in AUTHORS] + [author.permanent_id for author in AUTHORS],
        "what is asked": ("Identifier les titulaires des comptes cités",),
    }
    flat = said.replace("\u2019", "’")
    for part, texts in told.items():
        assert [text for text in texts if text not in flat] == [], part
    assert "PROJET" not in said.upper()


def test_the_complaint_tells_each_act_and_lists_each_exhibit(folder, played):
    said = text_of(folder / "complaint.pdf")
    glued = said.replace(" ", "")
    facts = said.split("EXPOSÉ DES FAITS")[1].split("PRÉJUDICE")[0]
    assert [f"Fait n° {number}" in facts for number in range(1, 7)] == [True] * 5 + [False]
    # The sixth exhibit shows an act that nobody reported: it is listed, and no act quotes it.
    for number, sample in enumerate(list(played.exhibits.values())[:5], 1):
        act = facts.split(f"Fait n° {number}")[1].split(f"Fait n° {number + 1}")[0]
        declared = sample.declared
        wanted = [
            f"{declared.hour.hour} h {declared.hour.minute:02d}",
            "Europe/Paris",
            declared.platform,
            declared.author,
        ]
        assert [one for one in wanted if one not in act] == [], number
        assert declared.words in act
        assert f"pièce n° {number}" in act
        assert "Qualification" in act
        assert re.search(r"peine encourue", act)
        assert not re.search(r"Auteur non renseigné|Identifiant permanent non renseigné", act), number
        if declared.url:
            assert declared.url in act.replace(" ", "") or declared.url in act
    for number, sample in enumerate(played.exhibits.values(), 1):
        assert f"{number} {sample.name}" in said
        assert hashlib.sha256(sample.content).hexdigest() in glued
    assert "horodatage non qualifié" in said


def test_the_invoice_names_neither_the_matter_nor_the_service(folder):
    said = text_of(folder / "invoice.pdf")
    assert "80,00 €" in said
    assert re.search(r"Facture n° \d{4}-\d{6}", said)
    reader = PdfReader(folder / "invoice.pdf")
    everything = f"{said} {dict(reader.metadata or {})} {list(reader.attachments)}"
    hidden = re.sub(f"{VICTIM.name}", "", everything)
    assert not NAMES_THE_MATTER.search(hidden), NAMES_THE_MATTER.search(hidden)


def test_the_calendar_gives_the_hour_and_says_nothing_of_what_it_is(folder, log):
    content = (folder / "hearing.ics").read_bytes()
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    scheduled = next(one for one in log.values() if one.topic == "hearing-scheduled")
    day = clock.paris_day(envelope.decode(scheduled.headers).time) + timedelta(days=60)
    assert event.decoded("DTSTART") == datetime.combine(day, time(14, 30), PARIS)
    assert event["SUMMARY"] == "Rendez-vous"
    assert "LOCATION" not in event
    unfolded = content.replace(b"\r\n ", b"").decode()
    assert not NAMES_THE_MATTER.search(unfolded.replace(GUARDIAN.email, ""))


def test_mails_do_not_endanger(folder, story, platform):
    every = [
        email.message_from_bytes(path.read_bytes(), policy=default) for path in sorted((folder / "mails").glob("*.eml"))
    ]
    # Pages to the team name a case, and nobody; another test opens one.
    pages = [mail for mail in every if mail["To"] == platform.settings_for("notify")["RECOURS_OPERATORS"]]
    assert [text for text in SEARCHED for mail in pages if text in mail.as_string()] == []
    mails = [mail for mail in every if mail not in pages]
    assert len(mails) >= 10
    told = [text for text in SEARCHED if text != GUARDIAN.email]
    for mail in mails:
        assert parseaddr(mail["To"])[1] == GUARDIAN.email
        shown = [str(value) for name, value in mail.items() if name not in {"To", "X-Envelope-To"}]
        for part in mail.walk():
            if part.get_content_maintype() == "text":
                shown.append(str(part.get_filename() or ""))
                shown.append(part.get_content().replace("\r\n ", ""))
        content = "\n".join(shown).replace(GUARDIAN.email, "")
        assert not NAMES_THE_MATTER.search(content), NAMES_THE_MATTER.search(content)
        assert [text for text in told if text in content] == []
        assert story.case not in content


# ---- the log


def test_every_event_of_the_log_decodes_and_its_signature_verifies(log, keys):
    sequences: dict[str, list[int]] = {}
    for one in log.values():
        told = envelope.decode(one.headers)
        decode_body(told, one.body)
        verify(one.headers, one.body, keys)
        sequences.setdefault(told.aggregate, []).append(told.sequence)
    assert len(log) > 60
    for aggregate, numbers in sequences.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), aggregate


def test_a_changed_byte_of_the_log_is_seen(log, keys):
    one = next(one for one in log.values() if one.topic == "case-opened")
    with pytest.raises(BrokenSignature):
        verify(one.headers, one.body.replace(b'"guardian"', b'"witness"', 1) + b" ", keys)


def test_every_receipt_verifies_offline_and_names_an_event_of_the_log(folder, log, keys, story):
    kinds = set()
    for path in sorted((folder / "receipts").glob("*.jws")):
        claims = receipts.check(path.read_text().strip(), keys)
        if path.stem == "erasure-certificate":
            continue
        event = log[claims["event"]]
        told = envelope.decode(event.headers)
        assert (claims["type"], claims["case"], claims["iss"]) == (told.type, story.case, told.service)
        assert claims["sha256"] == hashlib.sha256(envelope.signed_bytes(event.headers, event.body)).hexdigest()
        kinds.add(told.type.split(".")[1])
    assert kinds >= {
        *("case-opened", "evidence-uploaded", "evidence-timestamped", "case-diagnosed", "complaint-drafted"),
        *("complaint-approved", "complaint-filed", "payment-received", "invoice-issued", "hearing-scheduled"),
        *("judgment-given", "costs-recovered", "limitation-computed", "identity-proven", "notification-sent"),
    }


def test_a_receipt_of_another_s_making_is_not_believed(folder, keys):
    path = next((folder / "receipts").glob("case-opened-*.jws"))
    head, payload, signature = path.read_text().strip().split(".")
    other = next((folder / "receipts").glob("case-diagnosed-*.jws")).read_text().split(".")[1]
    for forged in (f"{head}.{other}.{signature}", f"{head}.{payload}.{'A' * 86}"):
        with pytest.raises(BrokenSignature):
            receipts.check(forged, keys)


# ---- money


async def test_the_ledger_balances_and_holds_what_was_paid(desk, story):
    ledger = await desk["accountant"].get(f"/billing/api/cases/{story.case}/ledger")
    assert sum(ledger["balances"].values()) == 0
    by_transaction: dict[str, int] = {}
    for one in ledger["entries"]:
        by_transaction[one["transaction"]] = by_transaction.get(one["transaction"], 0) + one["debit"] - one["credit"]
    assert set(by_transaction.values()) == {0}
    balances = {name: cents for name, cents in ledger["balances"].items() if cents}
    # Damages pass through the lawyers' fund: they are in no account.
    assert balances == {"bank": FEE + 150_000, "fees": -FEE, "costs-held": -150_000}


# ---- what was forgotten


async def test_the_certificate_of_the_erasure_verifies_and_is_the_one_on_the_log(played, log, keys):
    claims = receipts.check(played.certificate, keys)
    assert claims["iss"] == "intake"
    assert (claims["certificate"], claims["case"], claims["erasure"]) == ("erasure", played.other_case, played.erasure)
    assert set(claims["purposes"]) == {purpose.value for purpose in Purpose}
    assert set(claims["cleared"]) == {"evidence", "legal", "billing", "notify"}
    (erased,) = [one for one in log.values() if one.topic == "case-erased" and one.key.decode() == played.other_case]
    said = json.loads(erased.body)
    assert said["certificate"] == hashlib.sha256(played.certificate.encode()).hexdigest()


async def test_the_keyring_has_no_key_of_the_erased_case(platform, played, story):
    async with Keyring(platform.site.url("keyring"), root_token(platform.site)) as keyring:
        for purpose in Purpose:
            assert await keyring.vault.versions(case_path(story.case, purpose)) == 1
            assert await keyring.vault.versions(case_path(played.other_case, purpose)) == 0
            assert await keyring.vault.read(case_path(played.other_case, purpose)) is None
        assert await keyring.vault.names(f"cases/{played.other_case}") == []
    for service in ("intake", "evidence"):
        settings = platform.settings_for(service)
        async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
            with pytest.raises(KeysDestroyed):
                await keyring.case_identity(played.other_case, Purpose.EVIDENCE)


async def test_what_was_sealed_to_the_erased_case_opens_with_no_key_that_is_left(platform, played, log, story):
    found = [
        text
        for one in log.values()
        if one.key.decode() == played.other_case
        for text in re.findall(rb'"sealed_[a-z]+":"([^"]+)"', one.body)
    ]
    assert len(found) >= 3
    async with Keyring(platform.site.url("keyring"), root_token(platform.site)) as keyring:
        left = [
            await keyring.case_identity(case.strip("/"), purpose)
            for case in await keyring.vault.names("cases")
            for purpose in Purpose
        ]
    assert left
    for sealed in found:
        for identity in left:
            with pytest.raises(Exception, match=r"(?i)key|open|read"):
                open_sealed(sealed.decode(), identity)


async def test_the_pages_of_the_erased_case_are_gone(desk, story, played, everything):
    case = played.other_case
    paths = [
        *(f"/api/cases/{case}", f"/evidence/api/cases/{case}/exhibits", f"/legal/api/cases/{case}"),
        *(f"/billing/api/cases/{case}", f"/notify/api/cases/{case}/notifications", f"/api/cases/{case}/receipts"),
        *(f"/api/cases/{case}/erasures/{played.erasure}", f"/legal/api/cases/{case}/proposal"),
        f"/billing/api/cases/{case}/ledger",
    ]
    for path in paths:
        refused(await ask(story.http, desk["lawyer"].session, "GET", path), 404, "not-found")
    for page in (f"/cases/{case}", f"/evidence/cases/{case}", f"/legal/cases/{case}", f"/billing/cases/{case}"):
        answer = await ask(story.http, desk["lawyer"].session, "GET", page, headers={"Accept": "text/html"})
        assert answer.status_code == 404, page
    of_it = [
        json.loads(one.body)["exhibit"]
        for one in await everything.records()
        if one.topic == "evidence-uploaded" and one.key.decode() == case
    ]
    assert len(of_it) == 1
    assert not [name for name in everything.object_names() if of_it[0] in name]


# ---- and after all of it


async def test_after_every_flow_the_audit_finds_no_difference(platform, everything, story, tmp_path):
    await everything.quiet()
    report = tmp_path / "audit.json"
    result = await recours("audit", "--data", str(platform.data), "--json", str(report))
    assert result.exit_code == 0, result.output
    assert json.loads(report.read_text())["result"] == "ok"
