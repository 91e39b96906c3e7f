from __future__ import annotations

import json

import pytest

from services.billing.workers import invoice_id
from shared.contracts.intake import AccessGranted, CaseAssigned
from shared.contracts.partners import Cover
from shared.settings import Settings
from shared.trust.partners import Partner
from shared.trust.sealing import open_sealed, seal
from shared.trust.signing import generate
from tests.given import CASE, NOON
from tests.services.billing.facts import (
    APPROVED,
    ELIGIBLE,
    ERASED,
    FROZEN,
    IDENTITY,
    OPENED,
    PAYMENT,
    answer,
    choose,
    insurer,
    judged,
    paid,
)
from tests.services.billing.provider import Provider, completed, signed
from tests.services.billing.stand_in import Running
from tests.shared.web.stand_in import bearer, client

pytestmark = pytest.mark.loopback

SECRET = "billing payment-webhook"
API = f"/billing/api/cases/{CASE}"
PAGE = f"/billing/cases/{CASE}"
VICTIM = AccessGranted(access="v1", role="victim", holder="holder-1")
ACCOUNTANT = CaseAssigned(role="accountant", staff="staff-1")
MAIF = Partner(
    partner_id="maif",
    name="MAIF Protection",
    keys=(generate("partner:maif", NOON).public(),),
    topics={"partner.cover"},
    cases="*",
)
POLICY = {"holder": "Jean Martin", "number": "P-12", "address": "1 rue Haute"}
person = bearer()
accountant = bearer(sub="staff-1", role="accountant", case=None, sequence=0)


@pytest.fixture
def shop():
    shop = Provider()
    yield shop
    shop.close()


@pytest.fixture
def running(shop):
    running = Running(settings=Settings(payment_api=shop.address, payment_page="https://pay.example"))
    running.keyring.members = [MAIF]
    running.facts(OPENED, VICTIM, ACCOUNTANT)
    return running


async def ask(running, method, path, *, headers=person, **more):
    async with client(running) as browser:
        return await browser.request(method, path, headers=headers, **more)


async def hook(running, event, secret=SECRET):
    body, signature = signed(event, secret)
    return await ask(
        running, "POST", "/billing/webhooks/payment", headers={"stripe-signature": signature}, content=body
    )


async def state(running):
    return await running.load("case", CASE)


async def test_the_account_says_where_the_money_stands(running):
    running.facts(ELIGIBLE)
    said = (await ask(running, "GET", API)).json()
    assert (said["status"], said["next_step"], said["due"]["cents"], said["fee"]["cents"]) == (
        "choose-funding",
        "choose-funding",
        0,
        8000,
    )


async def test_strangers_see_nothing(running):
    for path in (API, f"{API}/ledger", PAGE, f"{PAGE}/payment", f"{PAGE}/invoices/x"):
        assert (await ask(running, "GET", path, headers={})).status_code == 401
        assert (await ask(running, "GET", path, headers=bearer(sub="other"))).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("transfers", {"cents": 1, "reference": "b"}),
        ("recoveries", {"recovery": "r", "judgment": "j", "cents": 1}),
        ("answers", {"message": "m"}),
    ],
)
async def test_the_teams_records_are_the_teams(running, path, body):
    assert (await ask(running, "POST", f"{API}/{path}", json=body)).status_code == 404
    choice = await ask(running, "POST", f"{API}/funding", headers=accountant, json={"choice": "person"})
    assert choice.status_code == 404
    for team in ("policies", "answers"):
        assert (await ask(running, "GET", f"{API}/{team}")).status_code == 404


async def test_a_choice_is_made_once_for_one_idempotency_key(running):
    headers = {**person, "idempotency-key": "0123456789abcdef"}
    body = {"choice": "insurer", "insurer": "maif", "policy": POLICY, "consent_shown_recipient": True}
    first = await ask(running, "POST", f"{API}/funding", headers=headers, json=body)
    again = await ask(running, "POST", f"{API}/funding", headers=headers, json=body)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, {"choice": "insurer"})
    assert [event.name for event in running.events] == ["funding-chosen", "cover-asked"]
    [cover] = (await state(running)).covers.values()
    assert open_sealed(cover.sealed_policy, IDENTITY.secret) == POLICY


async def test_the_insurer_needs_consent_and_not_safe_needs_none(running):
    body = {"choice": "insurer", "insurer": "maif", "policy": POLICY}
    refused = await ask(running, "POST", f"{API}/funding", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "consent-needed")
    assert (await ask(running, "POST", f"{API}/funding", json={**body, "safe": False})).json() == {
        "choice": "legal-aid"
    }
    assert "Jean Martin" not in json.dumps([event.model_dump(mode="json") for event in running.events])


async def test_an_unknown_field_is_refused(running):
    assert (await ask(running, "POST", f"{API}/funding", json={"choice": "person", "x": 1})).status_code == 422


async def test_paying_leads_to_the_providers_page_only_while_something_is_due(running, shop):
    home = await ask(running, "GET", f"{PAGE}/payment")
    assert (home.status_code, home.headers["location"], shop.asked) == (303, PAGE, [])
    running.facts(APPROVED)
    await running.carry_out(choose("person"))
    away = await ask(running, "GET", f"{PAGE}/payment", headers={**person, "accept-language": "en"})
    assert (away.status_code, away.headers["location"]) == (303, "https://pay.example/c/1")
    [(_, fields, _)] = shop.asked
    assert fields["client_reference_id"] == PAYMENT
    assert fields["locale"] == "en"
    assert fields["success_url"] == f"{running.settings.origin}{PAGE}"


async def billed(running):
    running.facts(APPROVED)
    await running.carry_out(choose("person"))


async def test_a_webhook_records_the_payment_once(running):
    await billed(running)
    for _ in range(2):
        told = await hook(running, completed(PAYMENT))
        assert (told.status_code, told.json()) == (200, {"taken": True})
    assert [event.name for event in running.events].count("payment-received") == 1


async def test_the_configured_webhook_secret_wins_over_the_keyrings(running):
    await billed(running)
    running.settings = running.settings.model_copy(
        update={"payment_webhook_secret": Settings(payment_webhook_secret="whsec_x").payment_webhook_secret}
    )
    assert (await hook(running, completed(PAYMENT))).status_code == 400
    assert (await hook(running, completed(PAYMENT), "whsec_x")).json() == {"taken": True}


async def test_a_webhook_that_is_forged_or_of_another_amount_or_payment_changes_nothing(running):
    await billed(running)
    assert (await hook(running, completed(PAYMENT), "wrong")).status_code == 400
    assert (await ask(running, "POST", "/billing/webhooks/payment", headers={}, content=b"{}")).status_code == 400
    for event, code in (
        (completed(PAYMENT, cents=1), "amount-mismatch"),
        (completed(PAYMENT, currency="usd"), "amount-mismatch"),
        (completed("unknown"), "unknown-payment"),
    ):
        refused = await hook(running, event)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await state(running)).receipts == {}
    assert (await hook(running, completed(PAYMENT, status="unpaid"))).json() == {"taken": False}


async def test_the_person_downloads_the_invoice_and_the_reading_is_told(running):
    await billed(running)
    await running.carry_out(paid())
    await running.work("issue-invoice")
    [shown] = (await ask(running, "GET", API)).json()["invoices"]
    got = await ask(running, "GET", shown["document"])
    assert got.content.startswith(b"%PDF")
    assert got.headers["content-disposition"] == f'attachment; filename="{shown["number"]}.pdf"'
    assert got.headers["content-type"] == "application/pdf"
    viewed = running.events[-1]
    assert (viewed.name, viewed.viewer, viewed.role, viewed.record_id) == (
        "record-viewed",
        "holder-1",
        "victim",
        invoice_id(PAYMENT),
    )


async def test_an_invoice_that_is_not_there_is_not_found(running):
    await billed(running)
    await running.carry_out(paid())
    assert (await ask(running, "GET", f"{PAGE}/invoices/nothing")).status_code == 404
    await running.work("issue-invoice")
    running.objects.kept.clear()
    seen = len(running.events)
    assert (await ask(running, "GET", f"{PAGE}/invoices/{invoice_id(PAYMENT)}")).status_code == 404
    assert len(running.events) == seen


async def test_an_accountant_records_transfers_and_recoveries(running):
    running.facts(APPROVED, judged(costs=1000))
    await running.carry_out(insurer())
    await running.carry_out(answer())
    said = await ask(running, "POST", f"{API}/transfers", headers=accountant, json={"cents": 8000, "reference": "b1"})
    assert (said.status_code, said.json()["status"]) == (200, "covered")
    body = {"recovery": "r1", "judgment": "j1", "cents": 400}
    said = await ask(running, "POST", f"{API}/recoveries", headers=accountant, json=body)
    assert said.json()["costs"] == [
        {
            "judgment": "j1",
            "awarded": {"cents": 1000, "currency": "EUR"},
            "recovered": {"cents": 400, "currency": "EUR"},
        }
    ]
    refused = await ask(
        running, "POST", f"{API}/recoveries", headers=accountant, json={**body, "recovery": "r2", "cents": 601}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "above-awarded")
    ledger = (await ask(running, "GET", f"{API}/ledger", headers=accountant)).json()
    assert sum(ledger["balances"].values()) == 0
    assert ledger["balances"]["bank"] == 8400


async def test_damages_are_told_to_the_person_alone(running):
    running.facts(judged(sealed=seal({"cents": 500_000}, IDENTITY.recipient)), judged("j2", sealed=None))
    assert (await ask(running, "GET", API)).json()["damages"] == [{"cents": 500_000, "currency": "EUR"}]
    assert (await ask(running, "GET", API, headers=accountant)).json()["damages"] == []


async def test_an_accountant_reads_the_policy_and_the_person_sees_that(running):
    await running.carry_out(insurer(sealed_policy=seal(POLICY, IDENTITY.recipient)))
    assert (await ask(running, "GET", f"{API}/policies", headers=accountant)).json() == {"cover-1": POLICY}
    assert (running.events[-1].viewer, running.events[-1].record) == ("staff-1", "contact")


async def test_the_team_confirms_an_insurers_answer(running):
    message = Cover(id="m1", partner="maif", case=CASE, cover="cover-1", decision="refused")
    running.outside.waiting = [("maif/m1", message)]
    [waiting] = (await ask(running, "GET", f"{API}/answers", headers=accountant)).json()
    assert (waiting["message"], waiting["answer"]["decision"]) == ("maif/m1", "refused")
    done = await ask(running, "POST", f"{API}/answers", headers=accountant, json={"message": "maif/m1"})
    assert done.status_code == 204
    assert running.outside.confirmed == [("maif/m1", CASE)]


async def page(running, *, headers=person, language="fr"):
    got = await ask(running, "GET", PAGE, headers={**headers, "accept": "text/html", "accept-language": language})
    assert got.status_code == 200
    return got.text


async def form(running, **fields):
    headers = {**person, "content-type": "application/x-www-form-urlencoded"}
    return await ask(running, "POST", f"{PAGE}/funding", headers=headers, data=fields)


async def test_the_page_offers_the_choice_in_both_languages(running):
    french, english = await page(running), await page(running, language="en")
    assert "MAIF Protection" in french
    assert "Je règle moi-même" in french
    assert "I pay myself" in english
    assert "No deadline waits for a payment" in english


async def test_the_page_shows_who_receives_the_insurers_letters_before_it_asks(running):
    fields = {"choice": "insurer", "insurer": "maif", **POLICY}
    shown = await form(running, **fields)
    assert shown.status_code == 200
    assert "Jean Martin, 1 rue Haute" in shown.text
    assert running.events == []
    assert (await form(running, **fields, consent="yes")).status_code == 303
    assert [event.name for event in running.events] == ["funding-chosen", "cover-asked"]
    assert "en attente" in await page(running)


async def test_the_page_leads_from_the_recipient_to_legal_aid(running):
    shown = await form(running, choice="insurer", insurer="maif", holder="Jean", number="1")
    assert "1 rue" not in shown.text
    assert (
        await form(running, choice="insurer", insurer="maif", holder="Jean", number="1", safe="no")
    ).status_code == 303
    assert (await state(running)).aided


@pytest.mark.parametrize("fields", [{}, {"choice": "other"}, {"choice": "insurer", "holder": "Jean"}])
async def test_a_form_that_says_nothing_usable_is_refused(running, fields):
    refused = await form(running, **fields)
    assert (refused.status_code, refused.json()["code"]) == (422, "incomplete-form")


async def test_a_choice_of_paying_ignores_what_was_typed_for_an_insurer(running):
    assert (await form(running, choice="person", holder="Jean")).status_code == 303
    assert (await state(running)).funding == "person"


async def test_the_page_offers_no_insurer_to_somebody_not_safe(running):
    running.facts(FROZEN)
    assert "MAIF Protection" not in await page(running)


async def test_the_page_shows_the_one_thing_to_do_then_the_invoice(running):
    await billed(running)
    assert f'href="{PAGE}/payment"' in await page(running)
    await running.carry_out(paid())
    await running.work("issue-invoice")
    shown = await page(running)
    assert f"{PAGE}/payment" not in shown
    assert "-000001" in shown
    assert "Écritures" not in shown


async def test_the_page_shows_costs_and_to_the_team_the_ledger(running):
    running.facts(judged(costs=150_000, sealed=None))
    shown = await page(running, headers=accountant)
    assert "1500,00" in shown
    assert "CARPA" in shown
    assert 'action="' not in shown


async def test_every_status_has_its_words_in_both_languages():
    from typing import get_args

    from services.billing.api import _pages
    from services.billing.domain.standing import Status

    for texts in _pages._texts.values():
        assert {f"status_{status}" for status in get_args(Status)} <= texts.keys()


async def test_an_erased_case_is_gone(running):
    running.facts(ERASED)
    assert (await ask(running, "GET", API)).status_code == 404


async def test_a_choice_before_the_case_is_known_is_not_found(running):
    from services.billing.api import _recipient
    from services.billing.domain.account import Account
    from shared.errors import NotFound

    with pytest.raises(NotFound):
        _recipient(Account())
