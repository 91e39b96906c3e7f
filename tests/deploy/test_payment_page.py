from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import httpx
import pytest
import stripe
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from deploy.embedded import probes
from deploy.embedded.payment_page import euros, nested
from deploy.embedded.site import ROOT
from tests.deploy.processes import free_ports, running, until

# Stripe's own client calls httpx in a way that httpx deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
KEY, SECRET = "sk_test_of_this_run", "whsec_of_this_run"
SESSION = {
    "mode": "payment",
    "success_url": "http://127.0.0.1:1/merci?s={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://127.0.0.1:1/retour",
    "client_reference_id": "case-1",
    "metadata": {"payment": "p1"},
    "payment_intent_data": {"metadata": {"payment": "p1"}},
    "line_items": [
        {
            "quantity": 1,
            "price_data": {"currency": "eur", "unit_amount": 8000, "product_data": {"name": "Frais <dossier>"}},
        }
    ],
}


class Receiver:
    """Billing's webhook address, which may be told to be away."""

    def __init__(self) -> None:
        self.events: list[tuple[bytes, str]] = []
        self.away = False

    async def take(self, request):
        if self.away:
            return Response(status_code=503)
        self.events.append((await request.body(), request.headers["stripe-signature"]))
        return Response(status_code=204)

    def read(self) -> list[stripe.Event]:
        return [stripe.Webhook.construct_event(body, signature, SECRET) for body, signature in self.events]


@pytest.fixture(scope="module")
async def shop(tmp_path_factory):
    import uvicorn

    directory = tmp_path_factory.mktemp("payment")
    at = free_ports(directory, "page", "hook")
    receiver = Receiver()
    app = Starlette(routes=[Route("/billing/webhooks/payment", receiver.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=at["hook"], log_level="error", lifespan="off"))
    serving = asyncio.create_task(server._serve())
    shop = Shop(directory, at, receiver)
    yield shop
    await shop.http.close_async()
    server.should_exit = True
    await serving


class Shop:
    def __init__(self, directory, at, receiver) -> None:
        self.directory, self.at, self.receiver = directory, at, receiver
        self.http = stripe.HTTPXClient()
        self.url = f"http://127.0.0.1:{at['page']}"
        hook = f"http://127.0.0.1:{at['hook']}/billing/webhooks/payment"
        self.command: tuple[str, ...] = ("-m", "deploy.embedded.payment_page", "--port", str(at["page"]))
        self.command += ("--state-dir", str(directory), "--page-origin", self.url, "--webhook", hook)

    def open(self):
        return running(*self.command, RECOURS_PAYMENT_KEY=KEY, RECOURS_PAYMENT_WEBHOOK_SECRET=SECRET)

    async def ready(self) -> None:
        await until(lambda: probes.http(f"{self.url}/healthz"))

    def api(self, key: str = KEY) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.url}, http_client=self.http, max_network_retries=0)


@pytest.fixture(scope="module")
async def till(shop):
    with shop.open():
        await shop.ready()
        yield shop


@pytest.fixture
async def web(shop):
    async with httpx.AsyncClient(base_url=shop.url, trust_env=False) as client:
        yield client


async def paid(till, web, **more):
    session = await till.api().v1.checkout.sessions.create_async({**SESSION, **more})
    answer = await web.post(f"/pay/{session.id}/confirm")
    assert answer.status_code == 303
    return session, answer


async def told(till, kind: str, about: str) -> stripe.Event:
    def match(event):
        thing = event.data.object
        return event.type == kind and about in (thing.id, getattr(thing, "payment_intent", None))

    async def came() -> bool:
        return any(match(event) for event in till.receiver.read())

    await until(came)
    found: stripe.Event = next(event for event in till.receiver.read() if match(event))
    return found


@pytest.mark.platform
async def test_a_person_pays_and_billing_is_told_with_a_signature_that_stripe_verifies(till, web):
    session = await till.api().v1.checkout.sessions.create_async(SESSION)
    assert (session.payment_status, session.amount_total, session.currency) == ("unpaid", 8000, "eur")
    page = await web.get(session.url)
    assert "Payer 80,00\u00a0€" in page.text
    assert "Annuler" in page.text
    assert "<dossier>" not in page.text
    answer = await web.post(f"/pay/{session.id}/confirm")
    assert answer.headers["location"] == f"http://127.0.0.1:1/merci?s={session.id}"
    event = await told(till, "checkout.session.completed", session.id)
    now = event.data.object
    assert (now.payment_status, now.client_reference_id) == ("paid", "case-1")
    assert now.metadata.to_dict() == {"payment": "p1"}
    assert not any(name.startswith("_") for name in now.to_dict())
    again = await till.api().v1.checkout.sessions.retrieve_async(session.id)
    assert (again.status, again.payment_intent) == ("complete", now.payment_intent)


@pytest.mark.platform
async def test_paying_twice_tells_billing_once(till, web):
    session, _ = await paid(till, web)
    await web.post(f"/pay/{session.id}/confirm")
    other, _ = await paid(till, web)
    await told(till, "checkout.session.completed", other.id)
    events = [event for event in till.receiver.read() if event.data.object.id == session.id]
    assert len(events) == 1


@pytest.mark.platform
async def test_the_same_idempotency_key_is_the_same_session_and_never_another_request(till):
    sessions = till.api().v1.checkout.sessions
    one = await sessions.create_async(SESSION, {"idempotency_key": "k1"})
    two = await sessions.create_async(SESSION, {"idempotency_key": "k1"})
    assert one.id == two.id
    with pytest.raises(stripe.IdempotencyError):
        await sessions.create_async({**SESSION, "client_reference_id": "case-2"}, {"idempotency_key": "k1"})


@pytest.mark.platform
async def test_a_wrong_key_an_unknown_session_and_a_wrong_form_are_refused_as_stripe_does(till):
    with pytest.raises(stripe.AuthenticationError):
        await till.api("sk_test_wrong").v1.checkout.sessions.create_async(SESSION)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await till.api().v1.checkout.sessions.retrieve_async("cs_test_none")
    assert missing.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        await till.api().v1.checkout.sessions.create_async({**SESSION, "line_items": []})


@pytest.mark.platform
async def test_a_payment_is_given_back_in_part_then_whole_and_never_more(till, web):
    session, _ = await paid(till, web)
    intent = (await till.api().v1.checkout.sessions.retrieve_async(session.id)).payment_intent
    part = await till.api().v1.refunds.create_async({"payment_intent": intent, "amount": 3000})
    rest = await till.api().v1.refunds.create_async({"payment_intent": intent}, {"idempotency_key": "r1"})
    same = await till.api().v1.refunds.create_async({"payment_intent": intent}, {"idempotency_key": "r1"})
    assert (part.amount, rest.amount, same.id) == (3000, 5000, rest.id)
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        await till.api().v1.refunds.create_async({"payment_intent": intent})
    await told(till, "charge.refunded", intent)

    async def both() -> bool:
        return sorted(
            event.data.object.amount_refunded
            for event in till.receiver.read()
            if event.type == "charge.refunded" and event.data.object.payment_intent == intent
        ) == [3000, 8000]

    await until(both)


@pytest.mark.platform
async def test_an_expired_session_cannot_be_paid(till, web):
    session = await till.api().v1.checkout.sessions.create_async(SESSION)
    await till.api().v1.checkout.sessions.expire_async(session.id)
    assert (await web.post(f"/pay/{session.id}/confirm")).status_code == 410
    assert (await till.api().v1.checkout.sessions.retrieve_async(session.id)).payment_status == "unpaid"
    await told(till, "checkout.session.expired", session.id)


@pytest.mark.platform
async def test_leaving_the_page_leads_back_and_nothing_is_paid(till, web):
    session = await till.api().v1.checkout.sessions.create_async(SESSION)
    answer = await web.post(f"/pay/{session.id}/cancel")
    assert answer.headers["location"] == SESSION["cancel_url"]
    assert (await till.api().v1.checkout.sessions.retrieve_async(session.id)).status == "open"


@pytest.mark.platform
async def test_a_payment_survives_kill_9_and_billing_is_told_once_it_is_back(shop, web, tmp_path):
    own = Shop(tmp_path, {**free_ports(tmp_path, "page"), "hook": shop.at["hook"]}, shop.receiver)
    shop.receiver.away = True
    with own.open() as process:
        await own.ready()
        async with httpx.AsyncClient(base_url=own.url, trust_env=False) as visitor:
            session, _ = await paid(own, visitor)
        await own.http.close_async()
        own.http = stripe.HTTPXClient()
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert process.returncode == -signal.SIGKILL
    shop.receiver.away = False
    with own.open():
        await own.ready()
        await told(own, "checkout.session.completed", session.id)
        assert (await own.api().v1.checkout.sessions.retrieve_async(session.id)).payment_status == "paid"
    await own.http.close_async()


def test_the_page_does_not_start_without_its_secrets(tmp_path):
    command = [sys.executable, "-m", "deploy.embedded.payment_page", "--port", "1", "--state-dir", str(tmp_path)]
    command += ["--page-origin", "http://x", "--webhook", "http://x"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RECOURS_PAYMENT_WEBHOOK_SECRET" in done.stderr


def test_amounts_are_written_as_in_french():
    assert [euros(cents) for cents in (0, 5, 8000, 123456789)] == [
        *("0,00\u00a0€", "0,05\u00a0€", "80,00\u00a0€", "1\u202f234\u202f567,89\u00a0€")
    ]


def test_nested_form_fields_become_dictionaries():
    assert nested([("a[0][b]", "1"), ("a[0][c]", "2"), ("d", "3")]) == {"a": {"0": {"b": "1", "c": "2"}}, "d": "3"}
