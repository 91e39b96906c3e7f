from __future__ import annotations

import time
from datetime import date

import pytest

from services.billing.payments import Paid, Payments, provider, read_webhook
from shared.errors import BrokenContract, BrokenSignature, Refused, Unavailable
from shared.runtime.declaration import Impossible
from shared.settings import Settings
from tests.services.billing.facts import PAYMENT
from tests.services.billing.provider import Provider, completed, signed

pytestmark = pytest.mark.loopback

SECRET = "whsec_test"

DAY = date(2026, 11, 23)


@pytest.fixture
def shop():
    shop = Provider()
    yield shop
    shop.close()


@pytest.fixture
def payments(shop):
    return provider(FakeRunning(Settings(payment_api=shop.address, payment_page="https://pay.example")))


class FakeRunning:
    def __init__(self, settings):
        self.settings = settings


async def checkout(payments, day=DAY):
    return await payments.checkout(PAYMENT, 8000, back="http://127.0.0.1:8000/x", language="fr", day=day)


async def test_a_payment_page_is_asked_with_an_amount_a_neutral_label_and_no_word_on_the_matter(shop, payments):
    assert await checkout(payments) == "https://pay.example/c/1"
    [(path, fields, _)] = shop.asked
    assert path == "/v1/checkout/sessions"
    assert fields == {
        "mode": "payment",
        "client_reference_id": PAYMENT,
        "locale": "fr",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "8000",
        "line_items[0][price_data][product_data][name]": "Prestation juridique",
        "success_url": "http://127.0.0.1:8000/x",
        "cancel_url": "http://127.0.0.1:8000/x",
    }


async def test_the_same_day_gives_the_same_page_and_another_day_another(payments):
    first = await checkout(payments)
    assert await checkout(payments) == first
    assert await checkout(payments, date(2026, 11, 24)) != first


async def test_nobody_is_sent_to_another_page_than_the_one_configured(shop, payments):
    shop.page = "https://pay.example.evil.org/"
    with pytest.raises(Unavailable):
        await checkout(payments)


async def test_a_provider_that_does_not_answer_is_unavailable(shop, payments):
    shop.fails = [(500, {"error": {"type": "api_error", "message": "x"}})] * 3
    with pytest.raises(Unavailable):
        await checkout(payments)
    with pytest.raises(Unavailable):
        await Payments(Settings(payment_api="http://127.0.0.1:9")).refund("pi_1", 8000, key="k")


async def test_a_refund_names_the_payment_the_amount_and_its_key(shop, payments):
    await payments.refund("pi_1", 8000, key="key-1")
    assert shop.asked == [("/v1/refunds", {"payment_intent": "pi_1", "amount": "8000"}, "key-1")]


async def test_what_the_provider_has_given_back_already_is_done(shop, payments):
    error = {"type": "invalid_request_error", "code": "charge_already_refunded", "message": "x"}
    shop.fails = [(400, {"error": error})]
    await payments.refund("pi_1", 8000, key="key-1")


async def test_a_refund_that_the_provider_refuses_is_impossible(shop, payments):
    shop.fails = [(400, {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "x"}})]
    with pytest.raises(Impossible):
        await payments.refund("pi_1", 8000, key="key-1")


@pytest.mark.parametrize("kind", ["completed", "async_payment_succeeded"])
def test_a_signed_webhook_says_what_was_paid(kind):
    body, signature = signed(completed(PAYMENT, kind=kind), SECRET)
    assert read_webhook(body, signature, SECRET) == Paid(payment=PAYMENT, cents=8000, currency="EUR", reference="pi_1")


@pytest.mark.parametrize("event", [completed(PAYMENT, kind="expired"), completed(PAYMENT, status="unpaid")])
def test_what_is_not_a_payment_is_left_alone(event):
    body, signature = signed(event, SECRET)
    assert read_webhook(body, signature, SECRET) is None


def test_an_unsigned_a_forged_or_an_old_webhook_is_refused():
    body, signature = signed(completed(PAYMENT), SECRET)
    old = signed(completed(PAYMENT), SECRET, at=time.time() - 400)
    for said, mark in ((body, ""), (body, signature.replace("v1=", "v1=0")), (body + b" ", signature), old):
        with pytest.raises(BrokenSignature):
            read_webhook(said, mark, SECRET)
    with pytest.raises(BrokenSignature):
        read_webhook(body, signature, "whsec_other")


def test_a_signed_webhook_that_is_not_json_is_broken():
    body, signature = signed(b"not json", SECRET)
    with pytest.raises(BrokenContract) as caught:
        read_webhook(body, signature, SECRET)
    assert not isinstance(caught.value, BrokenSignature)


@pytest.mark.parametrize("missing", ["client_reference_id", "amount_total", "currency", "payment_intent"])
def test_a_payment_without_its_figures_is_refused(missing):
    event = completed(PAYMENT)
    event["data"]["object"][missing] = None
    body, signature = signed(event, SECRET)
    with pytest.raises(Refused) as caught:
        read_webhook(body, signature, SECRET)
    assert caught.value.code == "unreadable-payment"
