from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import services.evidence
from services.evidence.api import TOLD
from services.evidence.domain.grading import SHOULD_SHOW
from services.evidence.reading import Reader
from services.evidence.receiving import Limits, Reception
from shared.contracts.evidence import EvidenceUploaded
from shared.contracts.intake import CaseClosed, Role
from shared.errors import Unavailable
from shared.trust.sealing import open_sealed
from tests.services.evidence.facts import IDENTITY
from tests.services.evidence.stand_in import (
    AT,
    GUARDIAN,
    INSTITUTION,
    PAGE,
    PNG,
    STAFF,
    VICTIM,
    WITNESS,
    client,
    known,
    said,
)

FIELDS = {"may_show_minor_sexually": "no", "kind": "sms", "shows": ["date", "hour"], "day": "", "author": "@x"}
TEMPLATES = Path(services.evidence.__file__).parent / "templates"
HTML = {"Accept": "text/html"}


async def page(running, who=VICTIM, **headers):
    async with client(running) as web:
        answer = await web.get(PAGE, headers={**who, **HTML, **headers})
    assert answer.status_code == 200, answer.text
    return answer.text


async def sent(running, fields=None, file=("été.png", PNG, "text/plain"), who=VICTIM):
    async with client(running) as web:
        return await web.post(f"{PAGE}/exhibits", data=fields or FIELDS, files={"file": file}, headers={**who, **HTML})


async def test_a_form_is_taken_in_and_leads_back():
    running = known()
    answer = await sent(running)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    (event,) = running.said(EvidenceUploaded)
    assert (event.kind, event.media_type, event.size) == ("sms", "image/png", len(PNG))
    assert event.missing == ("author", "content")
    details = open_sealed(event.sealed_details, IDENTITY.secret)
    assert (details["name"], details["author"], details["shows"]) == ("été.png", "@x", ["date", "hour"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({**FIELDS, "may_show_minor_sexually": "yes"}, "3018"),
        ({"kind": "sms"}, "moins de 18 ans"),
        ({**FIELDS, "kind": "other"}, "rien n’a été gardé"),
    ],
)
async def test_a_refused_form_says_why_in_kind_words_and_keeps_nothing(fields, words):
    running = known()
    answer = await sent(running, fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'role="alert"' in answer.text
    assert running.objects.kept == {}
    assert running.events == []


@pytest.mark.parametrize(
    ("file", "words"), [(("x", b"", "image/png"), "est vide"), (("x", b"#!/bin/sh\n", "image/png"), "un programme")]
)
async def test_a_refused_file_says_why(file, words):
    answer = await sent(known(), file=file)
    assert answer.status_code == 422
    assert words in answer.text


async def test_a_file_too_long_for_the_form_is_refused():
    running = known()
    running.tools.limits = Limits(max_bytes=1000)
    answer = await sent(running)
    assert answer.status_code == 422
    assert "trop long" in answer.text
    assert running.objects.kept == {}


async def test_an_outage_is_said_without_alarm():
    running = known()
    running.objects.away = Unavailable("away")
    answer = await sent(running)
    assert answer.status_code == 503
    assert "Rien n’est perdu" in answer.text


async def test_the_page_says_what_is_missing_and_how_to_capture_again():
    running = known()
    await sent(running)
    text = await page(running)
    assert "un pseudonyme suffit" in text
    assert "Faites apparaître le nom ou le pseudonyme" in text
    assert "Ce n’est pas une faute" in text
    assert "L’horodatage est demandé" in text
    english = await page(running, **{"Accept-Language": "en"})
    assert "This is no fault of yours" in english
    assert "Let the name or pseudonym" in english


async def test_an_empty_page_invites_without_pressing():
    text = await page(known())
    assert "Rien n’est déposé pour l’instant" in text
    assert '<input type="radio" name="may_show_minor_sexually" value="no" required>' in text
    assert text.index("may_show_minor_sexually") < text.index('type="file"')


async def test_the_file_is_the_last_field_of_the_form():
    text = await page(known())
    form = text[text.index('enctype="multipart/form-data"') :]
    names = re.findall(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)"', form[: form.index("</form>")])
    assert names[-1] == "file"


async def test_the_page_is_a_fragment_for_the_dossier():
    text = await page(known(), **{"HX-Request": "true"})
    assert "<html" not in text
    assert "<h1" not in text
    assert "<h3" in text
    assert "<h1>" in await page(known())


async def test_a_name_cannot_write_into_the_page():
    running = known()
    async with client(running) as web:
        name = "<img src=x onerror=alert(1)>.png"
        await web.post(AT, content=PNG, headers={**VICTIM, **said(name=name)})
    text = await page(running)
    assert "<img" not in text
    assert "onerror" in text


async def test_only_who_may_take_back_sees_the_button():
    running = known()
    async with client(running) as web:
        await web.post(AT, content=PNG, headers={**WITNESS, **said()})
    assert "/withdrawal" in await page(running)
    assert "/withdrawal" in await page(running, WITNESS)
    assert "/withdrawal" not in await page(running, STAFF)
    exhibit = running.said(EvidenceUploaded)[0].exhibit
    async with client(running) as web:
        answer = await web.post(f"{PAGE}/exhibits/{exhibit}/withdrawal", headers=VICTIM)
    assert answer.status_code == 303
    assert "Rien n’est déposé" in await page(running)


async def test_a_closed_case_shows_no_form():
    running = known().hears(CaseClosed(reason="judged"))
    text = await page(running)
    assert "Ce dossier est fermé" in text
    assert "<form" not in text


async def test_a_form_sent_by_another_site_is_refused():
    running = known()
    async with client(running) as web:
        answer = await web.post(
            f"{PAGE}/exhibits",
            data=FIELDS,
            files={"file": ("x", PNG)},
            headers={**VICTIM, "Sec-Fetch-Site": "cross-site"},
        )
    assert answer.status_code == 403
    assert running.objects.kept == {}


@pytest.mark.parametrize(
    ("who", "french", "english"),
    [
        (VICTIM, "Vos preuves", "Your evidence"),
        (WITNESS, "Ce que vous apportez comme témoin", "What you bring as a witness"),
        (GUARDIAN, "Les preuves de la personne que vous protégez", "The evidence of the person you protect"),
        (INSTITUTION, "Ce que votre établissement apporte", "What your institution brings"),
        (STAFF, "Preuves du dossier", "Evidence of the case"),
    ],
    ids=["victim", "witness", "guardian", "institution", "team"],
)
async def test_the_page_speaks_to_who_reads_it(who, french, english):
    running = known()
    for told in ({}, {"Accept-Language": "en"}):
        assert f"<h1>{english if told else french}</h1>" in await page(running, who, **told)
    everybody = [await page(running, one) for one in (VICTIM, WITNESS, GUARDIAN, INSTITUTION, STAFF)]
    assert sum(f"<h1>{french}</h1>" in one for one in everybody) == 1


async def test_nothing_is_called_yours_before_the_team():
    running = known()
    await sent(running)
    text = await page(running, STAFF)
    assert "Vos preuves" not in text
    assert "Vous n’avez rien à faire" not in text
    assert "par la personne concernée" in text
    closed = await page(known().hears(CaseClosed(reason="judged")), STAFF)
    assert "Demandez à l’équipe" not in closed
    assert "il ne reçoit plus rien" in closed


async def test_who_sent_it_themselves_is_not_told_so():
    running = known()
    await sent(running)
    assert "par la personne concernée" not in await page(running)
    assert "by the person concerned" in await page(running, GUARDIAN, **{"Accept-Language": "en"})


def test_everything_that_may_be_said_has_its_words():
    french = tomllib.loads((TEMPLATES / "texts.toml").read_text())["fr"]
    aspects = {aspect for needed in SHOULD_SHOW.values() for aspect in needed}
    needed = (
        {f"problem_{code}" for code in TOLD}
        | {f"kind_{kind}" for kind in SHOULD_SHOW}
        | {f"{what}_{aspect}" for aspect in aspects for what in ("aspect", "advice")}
        | {f"grade_{grade}" for grade in "ABCD"}
        | {"qualified", "not-qualified", "unknown"}
        | {f"from_{role}" for role in get_args(Role)}
        | {f"title_{reader}" for reader in get_args(Reader)}
    )
    assert needed <= set(french)


def test_the_limit_has_one_place(monkeypatch):
    monkeypatch.setenv("RECOURS_EVIDENCE_MAX_BYTES", "12345")
    assert Reception().limits.max_bytes == 12345
    monkeypatch.delenv("RECOURS_EVIDENCE_MAX_BYTES")
    assert Reception().limits.max_bytes == 2 * 1024**3
