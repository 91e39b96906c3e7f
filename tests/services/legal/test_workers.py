from __future__ import annotations

import hashlib
import io
from datetime import date, time

import pytest
from pypdf import PdfReader

from services.legal import documents as document
from services.legal import workers
from services.legal.asked.particulars import check
from services.legal.domain.holding import ClearingFailed
from services.legal.particulars import ActTold, Particulars, Signature, Sources, listed
from services.legal.words_fr import penalty_fr
from shared.contracts.everyone import ErasureObjected
from shared.contracts.evidence import ActsExtracted, EvidenceQuarantined, EvidenceWithdrawn
from shared.contracts.intake import CaseErased, CaseUpdated, ErasurePlanned
from shared.errors import Refused
from shared.runtime.declaration import Impossible
from shared.trust.sealing import commitment, open_chunks
from tests.given import CASE, followed
from tests.services.legal import affairs
from tests.services.legal.affairs import act, days
from tests.services.legal.desk import IDENTITIES, closed, desk

DIGEST = "ab" * 32


def updating(**other):
    """The person's own words, really sealed."""
    return CaseUpdated(
        facets=affairs.facets(act(day=days(-5)), act("act-2", "threat", days(-3))),
        sealed_contact=closed({"last_name": "Perrin", "first_names": "Camille", "address": "1 rue Haute"}, "contact"),
        sealed_facts=closed({"account": "Tout a commencé en ligne."}),
        sealed_authors=closed({"authors": [{"handle": "troll_9", "platform": "Réseau"}]}, "authors"),
        **other,
    )


def exhibit(name):
    return {"name": name, "digest": DIGEST, "salt": "cd" * 32, "holder": "holder-1"}


def told(**other):
    return closed(Particulars(**other).model_dump(mode="json", exclude_defaults=True))


def ready(particulars=None, procedure="simple", **other):
    found = desk()
    found.found.facts(updating())
    found.exhibits(
        affairs.uploaded("exhibit-2", sealed_details=closed(exhibit("deux.png"))),
        affairs.uploaded("exhibit-1", declared_day=days(-9), sealed_details=closed(exhibit("un.png"))),
        affairs.stamped("exhibit-1", qualification="qualified"),
        ActsExtracted(
            extraction="read-1",
            exhibit="exhibit-1",
            acts=(),
            sealed_acts=closed({"acts": [{"act": "act-1", "words": "paroles lues", "platform": "Forum", "shade": 3}]}),
        ),
    )
    asked = affairs.drafting(procedure=procedure, sealed_particulars=particulars or told(), **other)
    found.found.when(asked)
    return found


async def typeset(found):
    [command] = await workers.typeset(found.attempt("typeset-complaint"), found)
    return command


async def text_of(found, command):
    name = workers.document_name(CASE, command.complaint, command.commitment)
    content = b"".join([chunk async for chunk in open_chunks(found.objects.get(name), IDENTITIES["evidence"].secret)])
    pages = PdfReader(io.BytesIO(content)).pages
    return content, " ".join("\n".join(page.extract_text() for page in pages).replace("\xa0", " ").split())


async def test_a_draft_is_typeset_from_what_was_sealed_and_stored_sealed():
    found = ready()
    command = await typeset(found)
    content, text = await text_of(found, command)
    for part in ("Perrin", "Camille", "1 rue Haute", "Tout a commencé en ligne.", "troll_9", "paroles lues", "Forum"):
        assert part in text
    for part in ("un.png", "deux.png", "Injure publique", "Menaces", "non renseigné", "PROJET"):
        assert part in text
    [stored] = found.objects.held.values()
    assert content not in stored
    said = await found.reveal(CASE, "evidence", command.sealed_digest)
    assert said["digest"] == hashlib.sha256(content).hexdigest()
    assert command.commitment == commitment(bytes.fromhex(said["salt"]), hashlib.sha256(content).digest())
    assert said["for_signature"] is False
    assert command.exhibits == ("exhibit-1", "exhibit-2")
    assert "complaint-drafted" in affairs.names(found.found.when(command))


async def test_the_same_draft_gives_the_same_bytes_under_another_name():
    found = ready()
    first, second = await typeset(found), await typeset(found)
    assert first.commitment != second.commitment
    assert (await text_of(found, first))[0] == (await text_of(found, second))[0]


async def test_what_the_lawyer_gives_goes_before_what_was_told():
    given = told(
        victim=document.CivilStatus(last_name="Autre"),
        domicile=document.Domicile(kind="lawyer", address="2 place Basse"),
        authors=(document.Author(number=1, account="vrai_compte"),),
        acts=(
            ActTold(act="act-1", hour=time(21, 4), words="mots exacts", exhibits=(1,), author=1),
            ActTold(act="act-2", offences=("offence.threats",)),
        ),
        exhibits=("exhibit-2",),
        summary="Exposé de l’avocat.",
    )
    found = ready(given)
    command = await typeset(found)
    _, text = await text_of(found, command)
    for part in ("Autre", "2 place Basse", "vrai_compte", "mots exacts", "21 h 04", "Exposé de l’avocat."):
        assert part in text
    for part in ("Perrin", "troll_9", "paroles lues", "un.png"):
        assert part not in text
    assert command.exhibits == ("exhibit-2",)


async def test_a_draft_for_signature_carries_the_lawyer_and_no_mention_of_a_project():
    found = ready(told(signature=Signature(lawyer="Maître Durand", bar="Lyon")))
    command = await typeset(found)
    _, text = await text_of(found, command)
    assert "PROJET" not in text
    assert "Maître Durand" in text
    assert (await found.reveal(CASE, "evidence", command.sealed_digest))["for_signature"] is True


async def test_an_earlier_complaint_and_its_answers_are_named():
    found = desk(before=affairs.filed)
    found.found.when(affairs.answer(said="closed"))
    asked = affairs.drafting("complaint-2", procedure="civil-party", sealed_particulars=told())
    found.found.facts(updating())
    found.found.when(asked)
    _, text = await text_of(found, await typeset(found))
    assert "classée sans suite" in text
    assert "Preuve de la plainte préalable" in text


async def test_an_exhibit_that_may_not_be_used_is_neither_opened_nor_listed():
    found = ready()
    found.found.facts(EvidenceWithdrawn(exhibit="exhibit-1"), EvidenceQuarantined(exhibit="exhibit-2", reason="virus"))
    assert (await typeset(found)).exhibits == ()


async def test_a_draft_that_quotes_what_is_not_listed_is_given_up():
    found = ready(told(acts=(ActTold(act="act-1", exhibits=(7,)),)))
    with pytest.raises(Impossible, match="unreadable"):
        await typeset(found)
    command = workers.not_typeset(found.attempt("typeset-complaint"), "unreadable")
    assert found.found.when(command) == ()


async def test_what_was_sealed_wrongly_is_given_up():
    found = ready(closed(["no", "object"]))
    with pytest.raises(Impossible, match="unreadable"):
        await typeset(found)
    found = ready()
    found.found.facts(CaseUpdated(facets=affairs.facets(), sealed_facts=closed("no object")))
    with pytest.raises(Impossible, match="unreadable"):
        await typeset(found)


async def test_a_forgotten_case_is_not_typeset():
    found = ready()
    found.destroyed = True
    with pytest.raises(Impossible, match="case-forgotten"):
        await typeset(found)
    found = ready()
    found.found.facts(ErasurePlanned(erasure="erasure-1"))
    with pytest.raises(Impossible, match="case-forgotten"):
        await typeset(found)


async def test_an_authoritys_receipt_is_kept_as_it_came():
    found = desk(before=affairs.filed)
    found.found.when(affairs.answer(told_by=None, sealed_receipt=closed({"number": "42"})))
    attempt = found.attempt("keep-receipt")
    [command] = await workers.keep_receipt(attempt, found)
    assert command == workers.receipt_not_kept(attempt, "any")
    [(name, stored)] = found.objects.held.items()
    assert name == workers.receipt_name(CASE, "complaint-1", "answer-1")
    assert (await found.reveal(CASE, "evidence", stored.decode())) == {"number": "42"}


async def test_clearing_deletes_the_documents_of_the_case_and_of_no_other():
    found = ready()
    await typeset(found)
    found.objects.held["another-case.complaint.x"] = b"theirs"
    found.found.facts(ErasurePlanned(erasure="erasure-1"))
    found.found.at()
    [command] = await workers.clear(found.attempt("clear-documents"), found)
    assert list(found.objects.held) == ["another-case.complaint.x"]
    assert "erasure-cleared" in affairs.names(found.found.when(command))


async def test_documents_of_an_erased_case_that_a_restored_bucket_holds_again_are_deleted_again():
    found = ready()
    await typeset(found)
    found.objects.held["another-case.complaint.x"] = b"theirs"
    [lasting] = found.service.lasting
    erased = followed(CaseErased(erasure="erasure-1", certificate="0" * 64))
    assert await lasting.again(erased, found) == "documents-of-erased-case"
    assert list(found.objects.held) == ["another-case.complaint.x"]
    assert await lasting.again(erased, found) == ""


async def test_nothing_is_deleted_where_another_service_objected_first():
    found = ready()
    await typeset(found)
    found.found.facts(ErasurePlanned(erasure="erasure-1"))
    found.found.at()
    attempt = found.attempt("clear-documents")
    found.found.facts(ErasureObjected(erasure="erasure-1", reason="held"), source="evidence")
    [command] = await workers.clear(attempt, found)
    assert found.objects.held
    assert "erasure-objected" in affairs.names(found.found.when(command))
    assert workers.not_cleared(attempt, "any") == ClearingFailed(case=CASE, erasure="erasure-1")


@pytest.mark.parametrize(
    ("particulars", "code"),
    [
        (Particulars(acts=(ActTold(act="act-9"),)), "act-unknown"),
        (Particulars(acts=(ActTold(act="act-1"), ActTold(act="act-1"))), "act-twice"),
        (Particulars(exhibits=("exhibit-9",)), "exhibit-unknown"),
        (Particulars(acts=(ActTold(act="act-1", exhibits=(3,)),)), "exhibit-not-listed"),
        (Particulars(witnesses=(document.Witness(exhibit=3),)), "exhibit-not-listed"),
        (
            Particulars(authors=(document.Author(number=1),), acts=(ActTold(act="act-1", author=2),)),
            "author-not-listed",
        ),
    ],
)
def test_particulars_that_cannot_be_are_refused_at_the_edge(particulars, code):
    with pytest.raises(Refused) as refusal:
        check(particulars, ready().found.state)
    assert refusal.value.code == code


def test_particulars_that_can_be_pass():
    check(Particulars(acts=(ActTold(act="act-1", exhibits=(2,), author=1),)), ready().found.state)
    check(Particulars(), ready().found.state)


def test_exhibits_are_numbered_by_day_then_id():
    found = desk()
    found.exhibits(affairs.uploaded("b", declared_day=None), affairs.uploaded("c", declared_day=date(2026, 1, 1)))
    exhibits = {
        name: latest.value for folder in found.folders.values() for name, latest in folder.state.exhibits.items()
    }
    assert listed(Particulars(), found.found.state, Sources(exhibits=exhibits)) == ("c", "b")


def test_a_penalty_is_said_in_words():
    assert penalty_fr(36, 4_500_000).startswith("3 ans d’emprisonnement et 45")
    assert penalty_fr(12, 1_500_000).startswith("1 an d’emprisonnement")
    assert penalty_fr(18, 100_000).startswith("18 mois")
    assert penalty_fr(0, 1_200_000).endswith("euros d’amende")
