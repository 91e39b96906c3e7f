from __future__ import annotations

import hashlib
import io

import pytest
from pypdf import PdfReader

from services.billing import workers
from services.billing.domain.register import IssueInvoice
from services.billing.seller import Seller
from services.billing.service import service
from services.billing.workers import invoice_id, object_name
from shared.clock import now, paris_day
from shared.errors import Refused
from shared.ids import derived
from shared.runtime.declaration import Attempt, Impossible
from shared.settings import Settings
from shared.trust.partners import Partner
from shared.trust.sealing import commitment, open_sealed, seal
from shared.trust.signing import generate
from tests.given import CASE, NOON
from tests.services.billing.facts import (
    APPROVED,
    DIGEST,
    FEE,
    IDENTITY,
    INSURER_PAYMENT,
    OPENED,
    PAYMENT,
    SEALED,
    answer,
    choose,
    insurer,
    paid,
    transferred,
)
from tests.services.billing.provider import Provider
from tests.services.billing.stand_in import Running

INVOICE = invoice_id(PAYMENT)
OTHER_CASE = "22222222-2222-4222-8222-222222222222"


async def billed(running=None, contact=None):
    running = running or Running()
    running.facts(
        OPENED if contact is None else OPENED.model_copy(update={"sealed_contact": sealed(contact)}), APPROVED
    )
    await running.carry_out(choose("person"))
    await running.carry_out(paid())
    return running


def sealed(value):
    return seal(value, IDENTITY.recipient)


def text(running):
    [document] = running.objects.kept.values()
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages)


def issued(running):
    return [event for event in running.events if event.name == "invoice-issued"]


def year():
    return paris_day(now()).year


def taking(running, number, invoice="other"):
    """Another case's invoice takes ``number`` just before the next command."""

    async def before(command):
        await running.carry_out(
            IssueInvoice(
                case=OTHER_CASE,
                invoice=invoice,
                payment="p-other",
                number=number,
                amount=FEE,
                day=command.day,
                commitment=DIGEST,
                sealed_digest=SEALED,
            )
        )

    return before


async def test_an_invoice_is_typeset_kept_committed_and_issued():
    running = await billed(
        contact={"first_names": "Camille", "last_name": "Martin", "address": "1 rue Haute\n75001 Paris"}
    )
    await running.work("issue-invoice")
    [event] = issued(running)
    assert (event.number, event.invoice, event.payment, event.amount) == (f"{year()}-000001", INVOICE, PAYMENT, FEE)
    [(name, document)] = running.objects.kept.items()
    assert name == object_name(INVOICE, event.commitment)
    opened = open_sealed(event.sealed_digest, IDENTITY.secret)
    digest = hashlib.sha256(document).digest()
    assert bytes.fromhex(opened["digest"]) == digest
    assert commitment(bytes.fromhex(opened["salt"]), digest) == event.commitment
    said = text(running)
    for part in (event.number, "Camille Martin", "80,00", "66,67", "13,33", "Service administratif", "carte bancaire"):
        assert part in said
    state = await running.load("case", CASE)
    assert state.invoices[PAYMENT].number == event.number
    assert ("issue-invoice", PAYMENT) not in running.jobs


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ({"last_name": "Martin", "fax": 1}, "Martin"),
        ({"last_name": "Martin", "address": 1}, "Client, référence 11111111"),
        ({"email": "a@example.org"}, "Client, référence 11111111"),
        ("only words", "Client, référence 11111111"),
    ],
)
async def test_a_payer_is_named_as_far_as_the_case_knows_them(contact, shown):
    running = await billed(contact=contact)
    await running.work("issue-invoice")
    assert shown in text(running)


async def test_a_payer_without_any_contact_is_a_reference():
    running = Running()
    running.facts(OPENED.model_copy(update={"sealed_contact": None}), APPROVED)
    await running.carry_out(choose("person"))
    await running.carry_out(paid())
    await running.work("issue-invoice")
    assert "Client, référence 11111111" in text(running)


async def test_a_job_asked_again_issues_nothing_more():
    running = await billed()
    jobs = dict(running.jobs)
    await running.work("issue-invoice")
    running.jobs.update(jobs)
    await running.work("issue-invoice")
    assert len(issued(running)) == 1
    assert len(running.objects.kept) == 1


async def test_a_number_taken_meanwhile_is_left_to_the_other_without_a_gap():
    running = await billed()
    running.before = taking(running, f"{year()}-000001")
    await running.work("issue-invoice")
    assert [event.number for event in issued(running)] == [f"{year()}-000001", f"{year()}-000002"]
    own = issued(running)[1]
    assert list(running.objects.kept) == [object_name(INVOICE, own.commitment)]
    assert f"{year()}-000002" in text(running)


async def test_an_attempt_that_another_overtook_leaves_the_others_document():
    running = await billed()
    running.before = taking(running, f"{year()}-000001", invoice=INVOICE)
    await running.work("issue-invoice")
    assert len(issued(running)) == 1
    assert running.objects.kept == {}  # the stand-in's other attempt kept none


async def test_what_a_cut_attempt_left_is_deleted():
    running = await billed()
    running.objects.kept[object_name(INVOICE, "b" * 64)] = b"left"
    running.objects.kept["unrelated"] = b"stays"
    await running.work("issue-invoice")
    [event] = issued(running)
    assert set(running.objects.kept) == {object_name(INVOICE, event.commitment), "unrelated"}


async def test_a_refusal_that_is_no_race_is_not_tried_again(monkeypatch):
    running = await billed()

    async def refuse(command):
        raise Refused("held-back", "x")

    running.before = refuse
    with pytest.raises(Refused) as caught:
        await running.work("issue-invoice")
    assert caught.value.code == "held-back"


async def test_others_that_are_always_faster_leave_the_job_for_later(monkeypatch):
    monkeypatch.setattr(workers, "TRIES", 1)
    running = await billed()
    running.before = taking(running, f"{year()}-000001")
    with pytest.raises(Refused) as caught:
        await running.work("issue-invoice")
    assert caught.value.code == "number-taken"
    assert running.objects.kept == {}


async def test_an_insurers_invoice_names_the_insurer():
    key = generate("partner:maif", NOON).public()
    maif = Partner(partner_id="maif", name="MAIF Protection", keys=(key,), topics={"partner.cover"}, cases="*")
    for members, shown in (([maif], "MAIF Protection"), ([], "maif")):
        running = Running()
        running.keyring.members = members
        running.facts(OPENED, APPROVED)
        await running.carry_out(insurer())
        await running.carry_out(answer())
        await running.carry_out(transferred())
        await running.work("issue-invoice")
        assert issued(running)[0].payment == INSURER_PAYMENT
        assert shown in text(running)
        assert "virement" in text(running)


async def test_without_a_recipient_no_invoice_can_be_made():
    attempt = Attempt("id", "billing/case/x", CASE, "issue-invoice", PAYMENT, {"day": "2026-11-23"}, 1)
    with pytest.raises(Impossible):
        await service.worker("issue-invoice").run(attempt, Running())


@pytest.mark.loopback
async def test_a_refund_is_asked_of_the_provider_once_and_noted():
    shop = Provider()
    try:
        running = await billed(Running(settings=Settings(payment_api=shop.address)))
        await running.carry_out(paid("pi_2"))
        [attempt] = await running.work("refund")
    finally:
        shop.close()
    assert shop.asked == [("/v1/refunds", {"payment_intent": "pi_2", "amount": "8000"}, derived(attempt.id))]
    assert CASE not in str(shop.asked)
    assert [event.reason for event in running.events if event.name == "payment-refunded"] == ["paid-twice"]


async def test_a_job_that_fails_for_good_holds_the_case():
    attempt = Attempt("id", "billing/case/x", CASE, "refund", "r", {}, 1)
    for worker in service.workers:
        command = worker.given_up(attempt, "provider-refused")
        assert command.case == CASE
        with pytest.raises(Refused):
            await Running().carry_out(command)
        assert worker.policy == "idempotent"


def test_the_tax_is_inside_the_price_and_an_exemption_says_why(monkeypatch):
    assert (Seller().tax(8000).cents, Seller().tax(8000).mention) == (1333, None)
    monkeypatch.setenv("RECOURS_INVOICE_VAT", "0")
    monkeypatch.setenv("RECOURS_INVOICE_NAME", "Cabinet Durand")
    monkeypatch.setenv("RECOURS_INVOICE_ADDRESS", "2 rue Basse; 75002 Paris")
    monkeypatch.setenv("RECOURS_INVOICE_IDENTIFIERS", "SIREN 123456789;")
    seller = Seller()
    tax = seller.tax(8000)
    assert tax.cents == 0
    assert "293 B" in (tax.mention or "")
    party = seller.party()
    assert (party.name, party.address, party.identifiers) == (
        "Cabinet Durand",
        "2 rue Basse\n75002 Paris",
        ("SIREN 123456789",),
    )
