"""Who sends the invoices, from the environment (prefix ``RECOURS_INVOICE_``): every deployment has its own."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.billing.documents import Party, Tax


class Seller(BaseSettings):
    """``vat`` in basis points, inside the price; at 0 the invoice says why (``vat_mention``)."""

    model_config = SettingsConfigDict(env_prefix="RECOURS_INVOICE_", frozen=True, extra="ignore")

    name: str = Field(default="Service administratif", min_length=1, description="seller; neutral on an envelope")
    address: str = Field(default="", description="seller's address, lines separated by semicolons")
    identifiers: str = Field(default="", description="SIREN, VAT number..., separated by semicolons")
    vat: int = Field(default=2000, ge=0, le=10_000, description="VAT rate in basis points")
    vat_mention: str = Field(
        default="TVA non applicable, article 293 B du code général des impôts", description="printed when vat is 0"
    )

    def party(self) -> Party:
        """The seller as the invoice shows it."""
        address = "\n".join(_parts(self.address)) or None
        return Party(name=self.name, address=address, identifiers=_parts(self.identifiers))

    def tax(self, cents: int) -> Tax:
        """The tax inside ``cents``, rounded to the nearest cent."""
        parts = 10_000 + self.vat
        inside = (cents * self.vat + parts // 2) // parts
        return Tax(rate_basis_points=self.vat, cents=inside, mention=None if self.vat else self.vat_mention)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())
