from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from services.legal.documents import (
    Act,
    Approval,
    Author,
    Certificate,
    CivilStatus,
    ComplaintFile,
    Court,
    Domicile,
    EarlierComplaint,
    Exhibit,
    Formality,
    Harm,
    Mandate,
    Qualification,
    Representation,
    Requisition,
    Witness,
    render_complaint,
    render_complaint_async,
)
from shared.clock import PARIS

DRAWN_UP = datetime(2026, 11, 3, 14, 5, 9, tzinfo=UTC)
DRAFT = "PROJET – à valider par un avocat"
HARASSMENT = Qualification(
    name="Harcèlement moral en ligne sur mineur", citation="texte A de la règle", penalty="3 ans et 45 000 euros"
)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).replace("\xa0", " ")


def flat(pdf: bytes) -> str:
    return " ".join(text_of(pdf).split())


def full(**changes: Any) -> ComplaintFile:
    values: dict[str, Any] = {
        "reference": "R-2026-0117",
        "procedure": "simple",
        "basis": "texte de la procédure, tel que daté par la règle",
        "drawn_up": DRAWN_UP,
        "drawn_up_at": "Lyon",
        "victim": CivilStatus(
            last_name="Perrin",
            first_names="Camille",
            birth_day=date(2012, 3, 1),
            birth_place="Lyon (Rhône)",
            nationality="française",
            occupation="élève",
            email="camille.perrin@example.org",
            phone="06 39 98 10 14",
        ),
        "victim_is_minor": True,
        "representation": Representation(
            person=CivilStatus(last_name="Perrin", first_names="Dominique", phone="06 39 98 10 41"),
            capacity="parent, titulaire de l’autorité parentale",
            proof="livret de famille",
            proof_exhibit=3,
        ),
        "domicile": Domicile(kind="lawyer", address="1 place du Barreau, 69000 Lyon"),
        "mandate": Mandate(
            lawyer="Maître Alix Ferrand", bar="Lyon", address="1 place du Barreau, 69000 Lyon",
            email="ferrand@example.org", given_on=date(2026, 10, 30), reference="M-2026-88",
        ),
        "court": Court(
            name="Tribunal judiciaire de Lyon",
            address="67 rue Servient, 69003 Lyon",
            ground="domicile de la victime, faits commis par un réseau de communication électronique",
            citation="texte de compétence",
        ),
        "authors": (
            Author(number=1, platform="Papotis", account="ombre_77", permanent_id="u-48213377"),
            Author(number=2, platform="Papotis", account="zed.noir"),
        ),
        "summary": "Depuis le 12 octobre 2026, deux comptes adressent à Camille des messages répétés.",
        "acts": (
            Act(
                number=1, day=date(2026, 10, 12), hour=time(21, 47), zone="Europe/Paris",
                url="https://papotis.example/salon/4e-b/m/918273645546372819283746554637281928374655463728192837465",
                platform="Papotis", account="ombre_77", permanent_id="u-48213377",
                words="T'es qu'une merde, 🐷 tout le monde rigole de toi. #eval(\"x\") ]",
                exhibits=(1, 2), author=1, qualifications=(HARASSMENT,),
            ),
            Act(number=2, day=date(2026, 10, 14), platform="Papotis", account="zed.noir", author=2),
        ),
        "harm": Harm(
            description="Anxiété, troubles du sommeil, absence scolaire.", itt_days=9, claimed_cents=1_250_050,
            certificates=(Certificate(day=date(2026, 10, 20), issuer="Dr Noé Lambert", itt_days=9, exhibit=3),),
        ),
        "earlier_complaints": (
            EarlierComplaint(day=date(2026, 10, 15), place="Commissariat de Lyon 3e", reference="main courante 55"),
        ),
        "requisitions": (
            Requisition(
                data="Adresse IP et port de la connexion", holder="Papotis SAS (fictive)", account="ombre_77",
                acts=(1,), expires_on=date(2027, 10, 12), route="réquisition du procureur", feasibility="possible",
                citation="texte de conservation",
            ),
        ),
        "witnesses": (Witness(name="Lou Marchand", contact="lou@example.org", subject="a lu les messages"),),
        "requests": ("ouvrir une enquête", "requérir les données listées ci-dessus avant leur effacement"),
        "exhibits": (
            Exhibit(
                number=1, title="Capture d’écran, salon 4e B", media_type="image/png", sha256="ab" * 32,
                stamped_at=datetime(2026, 10, 12, 20, 1, 2, tzinfo=UTC), authority="Autorité de démonstration",
                standing="not-qualified",
            ),
            Exhibit(
                number=2, title="Message complet", media_type="message/rfc822", sha256="cd" * 32,
                stamped_at=datetime(2026, 12, 12, 20, 1, 2, tzinfo=UTC), authority="Autorité Q", standing="qualified",
            ),
            Exhibit(number=3, title="Certificat médical"),
        ),
    }  # fmt: skip
    return ComplaintFile(**{**values, **changes})


@pytest.fixture(scope="module")
def rendered() -> bytes:
    return render_complaint(full())


@pytest.mark.parametrize(
    "said",
    [
        "PLAINTE SIMPLE", "Madame ou Monsieur le procureur de la République", "Tribunal judiciaire de Lyon",
        "domicile de la victime, faits commis", "1er mars 2012", "Lyon (Rhône)", "camille.perrin@example.org",
        "06 39 98 10 14", "domicile est élu au cabinet de son avocat", "Dominique PERRIN", "livret de famille",
        "Maître Alix Ferrand", "M-2026-88", "12 octobre 2026", "21 h 47", "Europe/Paris", "ombre_77", "u-48213377",
        "T'es qu'une merde, [PIG FACE U+1F437] tout le monde", '#eval("x") ]', "pièce n° 1, pièce n° 2", "auteur n° 1",
        "Harcèlement moral en ligne sur mineur – texte A de la règle", "9 jours", "12 500,50 €", "Dr Noé Lambert",
        "main courante 55", "Adresse IP et port", "12 octobre 2027", "réquisition du procureur", "Lou Marchand",
        "ouvrir une enquête", "abababababababab", "12 octobre 2026 à 22 h 01 min 02 s (heure de Paris, UTC+02:00)",
        "12 décembre 2026 à 21 h 01 min 02 s (heure de Paris, UTC+01:00)", "Autorité de démonstration",
        "horodatage non qualifié", "horodatage qualifié", "de qualité inconnue", "contre X et contre toute personne",
    ],
)  # fmt: skip
def test_the_complaint_says(rendered: bytes, said: str) -> None:
    assert said in flat(rendered)


def test_a_long_address_is_printed_whole(rendered: bytes) -> None:
    url = full().acts[0].url
    assert url is not None
    assert url in text_of(rendered).replace("\n", "")


def test_every_page_shows_its_number_of_the_total_and_the_draft_mention(rendered: bytes) -> None:
    pages = PdfReader(io.BytesIO(rendered)).pages
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"{number} / {len(pages)}" in page.extract_text()
        assert DRAFT in page.extract_text()


def test_the_draft_mention_goes_only_with_a_lawyer_s_approval() -> None:
    approval = Approval(lawyer="Maître Alix Ferrand", bar="Lyon", approved_at=DRAWN_UP)
    text = flat(render_complaint(full(approval=approval)))
    assert "PROJET" not in text
    assert "Relu et approuvé par Maître Alix Ferrand, avocat au barreau de Lyon, le 3 novembre 2026" in text


def test_an_empty_file_shows_each_field_as_not_given() -> None:
    empty = ComplaintFile(reference="vide", procedure="simple", drawn_up=DRAWN_UP, victim=CivilStatus(last_name="  "))
    text = flat(render_complaint(empty))
    for label in (
        "Nom", "Prénoms", "Date de naissance", "Nationalité", "Téléphone", "Capacité", "Représentant légal",
        "Juridiction saisie", "Motif de la compétence", "Préjudice invoqué", "Incapacité totale de travail",
    ):  # fmt: skip
        assert f"{label} non renseigné" in text
    for part in ("MANDAT", "AUTEURS DES FAITS", "TÉMOINS", "DEMANDES", "BORDEREAU DES PIÈCES", "CERTIFICATS MÉDICAUX"):
        assert part in text.upper()
    assert text.count("non renseigné") > 30


def test_an_act_without_details_still_shows_every_line() -> None:
    text = flat(render_complaint(full(acts=(Act(number=1),), requisitions=())))
    for label in ("Date", "Heure", "Fuseau horaire", "Adresse (URL)", "Compte", "Identifiant permanent", "Auteur",
                  "Pièces", "Circonstances", "Propos exacts", "Qualification"):  # fmt: skip
        assert f"{label} non renseigné" in text


def test_a_minor_without_representative_is_shown_as_lacking_one() -> None:
    text = flat(render_complaint(full(representation=None)))
    assert "Représentant légal non renseigné" in text
    assert "Qualité non renseigné" in text


def test_a_summons_says_when_the_court_sits_or_that_nobody_said_it() -> None:
    assert "Audience non renseigné" in flat(render_complaint(full(procedure="direct-summons")))
    text = flat(render_complaint(full(procedure="direct-summons", hearing_at=datetime(2027, 2, 4, 13, tzinfo=UTC))))
    assert "Audience 4 février 2027 à 14 h 00" in text


@pytest.mark.parametrize(
    ("procedure", "title", "addressee"),
    [
        ("civil-party", "PLAINTE AVEC CONSTITUTION DE PARTIE CIVILE", "doyen des juges d’instruction"),
        ("direct-summons", "CITATION DIRECTE", "Tribunal correctionnel"),
        ("civil", "DEMANDE DEVANT LA JURIDICTION CIVILE", "Tribunal judiciaire"),
    ],
)
def test_each_procedure_has_its_title_and_its_addressee(procedure: str, title: str, addressee: str) -> None:
    text = flat(render_complaint(full(procedure=procedure)))
    assert title in text
    assert addressee in text
    assert "Formalités propres à la procédure non renseigné" in text
    assert ("Consignation Montant : non renseigné" in text) == (procedure in {"civil-party", "direct-summons"})


def test_the_forms_of_a_procedure_and_a_waived_deposit_are_shown() -> None:
    form = Formality(name="Notification au ministère public", citation="texte F")
    file = full(procedure="civil-party", formalities=(form,), deposit_waiver="aide juridictionnelle du 2 octobre 2026")
    text = flat(render_complaint(file))
    assert "Notification au ministère public non renseigné texte F" in text
    assert "Dispense : aide juridictionnelle du 2 octobre 2026" in text


def test_the_document_is_archival_accessible_greyscale_and_repeatable(rendered: bytes) -> None:
    root: Any = PdfReader(io.BytesIO(rendered)).trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    for page in PdfReader(io.BytesIO(rendered)).pages:
        resources: Any = page["/Resources"]
        spaces = [space.get_object() for space in resources["/ColorSpace"].values()]
        assert spaces
        assert all(space == "/DeviceGray" or space[1].get_object()["/N"] == 1 for space in spaces)
        contents: Any = page.get_contents()
        assert not {b"rg", b"RG", b"k", b"K"} & set(contents.get_data().split())
    assert render_complaint(full()) == rendered


async def test_the_async_form_gives_the_same_bytes(rendered: bytes) -> None:
    assert await render_complaint_async(full()) == rendered


@pytest.mark.parametrize(
    "changes",
    [
        {"exhibits": ()},
        {"authors": ()},
        {"acts": (Act(number=1, author=1), Act(number=1, author=2)), "requisitions": ()},
        {"requisitions": (Requisition(data="x", acts=(9,)),)},
    ],
)
def test_a_quoted_number_must_exist_once_and_the_error_shows_no_data(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        full(**changes)
    assert "Camille" not in str(caught.value)


def test_a_word_without_spaces_stays_inside_the_margins() -> None:
    # A line of 300 wide letters needs several lines: extraction gives one per line of print.
    text = text_of(render_complaint(full(acts=(Act(number=1, words="m" * 300),), requisitions=())))
    lines = [line for line in text.splitlines() if "mmm" in line]
    assert sum(line.count("m") for line in lines) == 300
    assert max(len(line) for line in lines) < 90


def test_a_long_raid_of_two_hundred_acts_is_typeset() -> None:
    acts = tuple(Act(number=n, day=date(2026, 10, 12), words="🐷" * 30 + "x" * 300, author=1) for n in range(1, 201))
    pages = PdfReader(io.BytesIO(render_complaint(full(acts=acts, requisitions=())))).pages
    assert f"{len(pages)} / {len(pages)}" in pages[-1].extract_text()


def test_hours_stand_in_paris_time() -> None:
    assert DRAWN_UP.astimezone(PARIS).hour == 15
    approval = Approval(lawyer="L", bar="B", approved_at=DRAWN_UP)
    assert "à 15 h 05 min 09 s" in flat(render_complaint(full(approval=approval)))
