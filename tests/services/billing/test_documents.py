from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from pypdf import PdfReader

from services.billing.documents import (
    InvoiceFile,
    Line,
    Party,
    Payment,
    Tax,
    euros,
    percent,
    render_invoice,
    render_invoice_async,
)
from shared.typesetting import Attachment

CREATED = datetime(2026, 11, 3, 14, 5, 9, tzinfo=UTC)


def invoice(**changes: Any) -> InvoiceFile:
    values: dict[str, Any] = {
        "number": "F-2026-000117",
        "issued_on": date(2026, 11, 1),
        "due_on": date(2026, 12, 1),
        "supplied_on": date(2026, 10, 30),
        "created": CREATED,
        "seller": Party(
            name="Cabinet Ferrand", address="1 place du Barreau, 69000 Lyon", identifiers=("SIREN 000 000 000",)
        ),
        "payer": Party(name="Dominique Perrin", address="12 rue des Tilleuls, 69000 Lyon"),
        "lines": (Line(unit_cents=6667),),
        "tax": Tax(rate_basis_points=2000, cents=1333, mention="TVA acquittée sur les encaissements."),
        "total_cents": 8000,
        "mentions": ("Pas d’escompte pour paiement anticipé.",),
    }
    return InvoiceFile(**{**values, **changes})


def flat(pdf: bytes) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\xa0", " ").split())


@pytest.mark.parametrize(
    "said",
    [
        "Facture", "n° F-2026-000117", "1er novembre 2026", "1er décembre 2026", "30 octobre 2026", "Cabinet Ferrand",
        "SIREN 000 000 000", "Dominique Perrin", "Prestation juridique", "66,67 €", "TVA (20 %) 13,33 €",
        "Total toutes taxes comprises 80,00 €", "Reste à payer 80,00 €", "TVA acquittée sur les encaissements.",
        "Pas d’escompte", "1 / 1",
    ],
)  # fmt: skip
def test_the_invoice_says(said: str) -> None:
    assert said in flat(render_invoice(invoice()))


def test_no_word_of_ours_tells_what_the_case_is_about() -> None:
    pdf = render_invoice(invoice(payment=Payment(day=date(2026, 11, 2), means="carte bancaire")))
    reader = PdfReader(io.BytesIO(pdf))
    root: Any = reader.trailer["/Root"]
    said = (flat(pdf) + root["/Metadata"].get_data().decode() + str(reader.metadata)).lower()
    for word in ("harc", "cyber", "victime", "plainte", "recours", "pénal", "haine"):
        assert word not in said


def test_the_paid_stamp_shows_only_when_paid_and_leaves_nothing_due() -> None:
    paid = flat(render_invoice(invoice(payment=Payment(day=date(2026, 11, 2), means="virement", reference="V-1"))))
    assert "ACQUITTÉE le 2 novembre 2026" in paid
    assert "Payée le 2 novembre 2026 par virement. Référence : V-1." in paid
    assert "Reste à payer 0,00 €" in paid
    assert "ACQUITTÉE" not in flat(render_invoice(invoice()))


def test_an_exemption_is_a_zero_line_with_its_mention() -> None:
    tax = Tax(rate_basis_points=0, cents=0, mention="TVA non applicable, texte de la règle.")
    text = flat(render_invoice(invoice(lines=(Line(unit_cents=8000),), tax=tax)))
    assert "TVA (0 %) 0,00 €" in text
    assert "TVA non applicable, texte de la règle." in text


def test_the_invoice_is_archival_accessible_and_repeatable() -> None:
    pdf = render_invoice(invoice())
    root: Any = PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert render_invoice(invoice()) == pdf


async def test_the_structured_invoice_travels_inside_the_pdf() -> None:
    item = Attachment(
        name="factur-x.xml", content=b"<x/>", media_type="text/xml", relationship="alternative", description="Facture"
    )
    pdf = await render_invoice_async(invoice(), (item,))
    assert PdfReader(io.BytesIO(pdf)).attachments["factur-x.xml"] == [b"<x/>"]


@pytest.mark.parametrize("changes", [{"total_cents": 8001}, {"lines": ()}, {"total_cents": 80.0}])
def test_an_invoice_that_does_not_add_up_is_refused_without_showing_its_data(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        invoice(**changes)
    assert "Perrin" not in str(caught.value)


@pytest.mark.parametrize(
    ("cents", "shown"), [(0, "0,00 €"), (5, "0,05 €"), (8000, "80,00 €"), (123456789, "1 234 567,89 €")]
)
def test_cents_read_as_french_euros(cents: int, shown: str) -> None:
    assert euros(cents).replace("\xa0", " ") == shown


@pytest.mark.parametrize(
    ("points", "shown"), [(0, "0 %"), (2000, "20 %"), (550, "5,5 %"), (210, "2,1 %"), (5, "0,05 %")]
)
def test_rates_read_as_french_percentages(points: int, shown: str) -> None:
    assert percent(points).replace("\xa0", " ") == shown


def test_hostile_names_are_printed_as_they_are() -> None:
    text = flat(render_invoice(invoice(payer=Party(name='#eval("1") ] $x$ 😀', address="\\ *gras*"))))
    assert '#eval("1") ] $x$ [GRINNING FACE U+1F600]' in text
    assert "\\ *gras*" in text
