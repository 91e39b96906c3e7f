"""The payment provider, behind Stripe's API: a page to pay on, refunds, and what its webhooks say.

The provider learns an amount, a neutral label and the payment's id; no name, no address, no word on the matter.
Source: Stripe API reference, Checkout Sessions, Refunds, Idempotent requests, Webhook signatures.
"""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Annotated, Any, Final, Literal, cast

import stripe
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.billing.documents import NEUTRAL_LABEL
from shared.contracts.event import Id
from shared.errors import BrokenContract, BrokenSignature, Refused, Unavailable
from shared.ids import derived
from shared.money import Cents
from shared.runtime.declaration import Impossible
from shared.settings import Settings

TIMEOUT: Final = 15
"""Seconds for one call: well inside a job's lease."""

TOLERANCE: Final = 300
"""Seconds after which a signed webhook is too old to be believed."""

_PAID: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})


class Paid(BaseModel):
    """A payment that the provider says was made; ``reference`` is its own id of it."""

    model_config = ConfigDict(frozen=True)

    payment: Id
    cents: Cents
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    reference: Id


class Payments:
    """A client of the provider. Calls run in a thread and raise Unavailable when it does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._page = settings.payment_page
        self._client = stripe.StripeClient(
            # The library refuses an empty key at once; the provider refuses this one when it is asked.
            settings.payment_key.get_secret_value() or "unset",
            base_addresses={"api": settings.payment_api},
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
            max_network_retries=1,
        )

    async def checkout(self, payment: str, cents: int, *, back: str, language: Literal["fr", "en"], day: date) -> str:
        """The address of the provider's page for ``payment``; ``back`` is where the person returns.

        Asked again on the same ``day`` it is the same page, since the provider's pages live for a day.
        """
        params: Any = {
            "mode": "payment",
            "client_reference_id": payment,
            "locale": language,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": cents,
                        "product_data": {"name": NEUTRAL_LABEL},
                    },
                }
            ],
            "success_url": back,
            "cancel_url": back,
        }
        key = derived("checkout", payment, day.isoformat(), language)
        session = await self._asked(
            lambda: self._client.v1.checkout.sessions.create(params, {"idempotency_key": key}),
        )
        address = session.url or ""
        # Nobody is sent anywhere but to the page that the settings name.
        if not address.startswith(f"{self._page}/"):
            raise Unavailable("The payment page cannot be opened now: try again in a minute.", retry_after=60)
        return address

    async def refund(self, reference: str, cents: int, *, key: str) -> None:
        """Give ``cents`` of the payment ``reference`` back, once for one ``key``.

        Raises:
            Impossible: the provider refuses for good.
        """
        try:
            await self._asked(
                lambda: self._client.v1.refunds.create(
                    {"payment_intent": reference, "amount": cents}, {"idempotency_key": key}
                )
            )
        except stripe.InvalidRequestError as error:
            if error.code != "charge_already_refunded":
                raise Impossible("provider-refused") from error

    async def _asked(self, call: Any) -> Any:
        try:
            return await asyncio.to_thread(call)
        except stripe.InvalidRequestError:
            raise
        except stripe.StripeError as error:
            raise Unavailable("The payment provider does not answer: try again in a minute.", retry_after=60) from error


def provider(running: Any) -> Payments:
    """The tools of billing's workers and routes."""
    return Payments(running.settings)


def _unreadable() -> BrokenContract:
    return BrokenContract("This webhook is no event of the provider: check that its URL is set there alone.")


def read_webhook(body: bytes, signature: str, secret: str) -> Paid | None:
    """What a webhook says was paid; None for one that says something else.

    Raises:
        BrokenSignature: not signed by the provider, or more than five minutes ago.
        BrokenContract: signed, but not JSON.
        Refused: signed, paid, but without the figures that say what for.
    """
    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance=TOLERANCE)
        said = json.loads(body)
    except stripe.SignatureVerificationError:
        raise BrokenSignature("This webhook is not signed with our secret: check the endpoint's secret.") from None
    except (ValueError, RecursionError):
        raise _unreadable() from None
    match said:
        case {"type": str(), "data": {"object": dict()}} as event:
            session = cast("dict[str, Any]", event["data"]["object"])
        case _:
            raise _unreadable()
    if event.get("type") not in _PAID or session.get("payment_status") != "paid":
        return None
    try:
        return Paid(
            payment=session.get("client_reference_id"),
            cents=session.get("amount_total"),
            currency=str(session.get("currency")).upper(),
            reference=session.get("payment_intent"),
        )
    except ValidationError:
        message = "This payment lacks its id, amount or reference: send the event whole."
        raise Refused("unreadable-payment", message) from None
