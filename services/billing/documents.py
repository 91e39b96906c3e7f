"""The invoice as a document: French, neutral in every word (somebody else may open the letter), PDF/A-3b and PDF/UA-1.

The label, the legal mentions and the tax wording arrive as data; nothing here names the service or its cause. Amounts
are integer cents and must add up. The PDF can carry the structured invoice (Factur-X) as an attachment.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from babel.dates import format_date
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shared.money import Cents
from shared.typesetting import Attachment, typeset, typeset_async

TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"
NEUTRAL_LABEL = "Prestation juridique"


class _Part(BaseModel):
    # Inputs stay out of validation errors: they are the payer's data.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Party(_Part):
    """The seller or the payer; ``identifiers`` are lines such as a SIREN or an intra-community VAT number."""

    name: str = Field(min_length=1)
    address: str | None = None
    email: str | None = None
    identifiers: tuple[str, ...] = ()


class Line(_Part):
    """One thing sold: ``quantity`` x ``unit_cents``, before tax."""

    label: str = Field(default=NEUTRAL_LABEL, min_length=1)
    quantity: Annotated[int, Field(ge=1)] = 1
    unit_cents: Cents


class Tax(_Part):
    """The tax line: rate in basis points (2000 = 20 %), amount, and the mention the law wants (exemption too)."""

    rate_basis_points: Annotated[int, Field(ge=0, le=10_000)]
    cents: Cents
    mention: str | None = None


class Payment(_Part):
    """How the invoice was paid: ``day`` is the legal day in Paris."""

    day: date
    means: str = Field(min_length=1)
    reference: str | None = None


class InvoiceFile(_Part):
    """All that the invoice says. ``created`` is the document's instant, ``issued_on`` its legal day in Paris.

    Raises:
        pydantic.ValidationError: there is no line, or lines and tax do not make ``total_cents``. No input is shown.
    """

    number: str = Field(min_length=1, max_length=40)
    issued_on: date
    due_on: date | None = None
    supplied_on: date | None = None
    created: AwareDatetime
    currency: Literal["EUR"] = "EUR"
    seller: Party
    payer: Party
    lines: tuple[Line, ...] = Field(min_length=1)
    tax: Tax
    total_cents: Cents
    payment: Payment | None = None
    mentions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.net_cents + self.tax.cents != self.total_cents:
            raise ValueError("Lines and tax do not make the total. Compute the total from them.")
        return self

    @property
    def net_cents(self) -> int:
        """The sum of the lines before tax, in cents."""
        return sum(line.quantity * line.unit_cents for line in self.lines)


def render_invoice(file: InvoiceFile, attachments: tuple[Attachment, ...] = ()) -> bytes:
    """The invoice as PDF/A-3b and PDF/UA-1, the same bytes for the same file.

    Raises BrokenContract when the template cannot be typeset. Blocks: in a coroutine use `render_invoice_async`.
    """
    return typeset(TEMPLATE, _data(file), created=file.created, attachments=attachments)


async def render_invoice_async(file: InvoiceFile, attachments: tuple[Attachment, ...] = ()) -> bytes:
    """`render_invoice` beside the event loop."""
    return await typeset_async(TEMPLATE, _data(file), created=file.created, attachments=attachments)


def euros(cents: int) -> str:
    """``cents`` as a French reader expects: ``8000`` is "80,00 €" (the spaces do not break)."""
    return f"{cents // 100:,}".replace(",", "\u00a0") + f",{cents % 100:02d}\u00a0€"


def percent(basis_points: int) -> str:
    """``basis_points`` as a French percentage: 2000 is "20 %", 550 is "5,5 %"."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}" + (f",{rest:02d}".rstrip("0") if rest else "") + "\u00a0%"


def _day(day: date | None) -> str | None:
    if day is None:
        return None
    written = format_date(day, "d MMMM y", locale="fr_FR")
    return written.replace("1 ", "1er ", 1) if day.day == 1 else written


def _data(file: InvoiceFile) -> object:
    return {
        "number": file.number,
        "issued_on": _day(file.issued_on),
        "due_on": _day(file.due_on),
        "supplied_on": _day(file.supplied_on),
        "seller": file.seller.model_dump(mode="json"),
        "payer": file.payer.model_dump(mode="json"),
        "lines": [
            {
                "label": line.label,
                "quantity": str(line.quantity),
                "unit": euros(line.unit_cents),
                "amount": euros(line.quantity * line.unit_cents),
            }
            for line in file.lines
        ],
        "net": euros(file.net_cents),
        "tax": {
            "rate": percent(file.tax.rate_basis_points),
            "amount": euros(file.tax.cents),
            "mention": file.tax.mention,
        },
        "total": euros(file.total_cents),
        "due": euros(0 if file.payment else file.total_cents),
        "payment": file.payment and {**file.payment.model_dump(mode="json"), "day": _day(file.payment.day)},
        "mentions": list(file.mentions),
    }
