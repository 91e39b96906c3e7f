"""Whatever is wrong is refused with a code, a field and what to do next, and leaves no trace; at the public address."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy.demo.client import PartnerVoice, until
from deploy.demo.story import INSURER
from deploy.embedded.payment_page import signature
from shared import clock, ids
from shared.contracts.partners import Cover, FilingReceipt, Preservation
from shared.trust.partners import partner_owner
from shared.trust.sealing import seal
from shared.trust.signing import generate
from tests.flows.asking import MARK, ask, deposit, raw, refused
from tests.flows.stage import COURT, OPENING

pytestmark = pytest.mark.platform


@pytest.fixture(autouse=True)
async def _signed_in(stage):
    await stage.fresh()


TODAY = clock.paris_day(clock.now())
TO_COME = (TODAY + timedelta(days=2)).isoformat()
"""Also when midnight passes meanwhile."""
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()
ACT = {"kind": "insult", "day": YESTERDAY}
LARGE = json.dumps({**OPENING, "facts": {"account": "x" * 70_000}}).encode()
DEEP = b'{"facts":' * 6_000 + b"1" + b"}" * 6_000
API = "/api/cases"
MINE = "/api/cases/{drafted}"
LEGAL = "/legal/api/cases/{drafted}"
BILLING = "/billing/api/cases/{paying}"
COMPLAINT = LEGAL + "/complaints/{complaint}"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def http(stage):
    return stage.drafted.http


@asynccontextmanager
async def nothing_changes(everything):
    before = await everything.count()
    yield
    after = await everything.count()
    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {}


# who, method, path, body (JSON, or bytes as they are), status, code, field
WRONG = {
    "a persona that is a number": ("nobody", "POST", API, {"persona": 7}, 422, "invalid-field", "persona"),
    "an unknown persona": ("nobody", "POST", API, {"persona": MARK}, 422, "invalid-field", "persona"),
    "no persona": ("nobody", "POST", API, {}, 422, "invalid-field", "persona"),
    "a body that is a list": ("nobody", "POST", API, [OPENING], 422, "invalid-field", "(body)"),
    "an unknown field": ("nobody", "POST", API, {**OPENING, "shoe_size": MARK}, 422, "invalid-field", "shoe_size"),
    "an unknown field deep inside": (
        *("nobody", "POST", API, {**OPENING, "contact": {"notify": {"loud": MARK}}}),
        *(422, "invalid-field", "contact.notify.loud"),
    ),
    "acts that are a text": ("nobody", "POST", API, {**OPENING, "acts": MARK}, 422, "invalid-field", "acts"),
    "an act without a day": (
        *("nobody", "POST", API, {**OPENING, "acts": [{"kind": "insult"}]}),
        *(422, "invalid-field", "acts.0.day"),
    ),
    "a day that does not exist": (
        *("nobody", "POST", API, {**OPENING, "acts": [{**ACT, "day": "2026-02-31"}]}),
        *(422, "invalid-field", "acts.0.day"),
    ),
    "an act tomorrow": (
        *("nobody", "POST", API, {**OPENING, "acts": [{**ACT, "day": TO_COME}]}),
        *(422, "day-in-future", "acts.0.day"),
    ),
    "an act before anybody lived": (
        *("nobody", "POST", API, {**OPENING, "acts": [{**ACT, "day": "1789-07-14"}]}),
        *(422, "day-too-old", "acts.0.day"),
    ),
    "a birth tomorrow": (
        *("nobody", "POST", API, {**OPENING, "contact": {"birth_day": TO_COME}}),
        *(422, "day-in-future", "contact.birth_day"),
    ),
    "an address that is no e-mail": (
        *("nobody", "POST", API, {**OPENING, "contact": {"email": MARK}}),
        *(422, "invalid-field", "contact.email"),
    ),
    "fewer authors than at least": (
        *("nobody", "POST", API, {**OPENING, "authors_at_least": 5, "authors_at_most": 2}),
        *(422, "range-upside-down", "authors_at_most"),
    ),
    "a URL that is none": (
        *("nobody", "POST", API, {**OPENING, "facts": {"urls": [f"javascript:{MARK}"]}}),
        *(422, "invalid-field", "facts.urls.0"),
    ),
    "more than 64 KB": ("nobody", "POST", API, LARGE, 413, "too-large", None),
    "JSON without a bottom": ("nobody", "POST", API, DEEP, 400, "unreadable-json", None),
    "arrays without a bottom": ("nobody", "POST", API, b"[" * 60_000, 400, "unreadable-json", None),
    "no JSON": ("nobody", "POST", API, b'{"persona": "victim"', 400, "unreadable-json", None),
    "half a character": (
        *("nobody", "POST", API, b'{"persona":"victim","facts":{"account":"\\ud800"}}'),
        *(422, "invalid-field", "facts.account"),
    ),
    "bytes that are no text": ("nobody", "POST", API, b'{"persona":"\xff\xfe"}', 400, "unreadable-json", None),
    "a code that is none": ("nobody", "POST", "/api/sessions", {"code": MARK}, 422, "code-mistyped", "code"),
    "a wrong passphrase of the team": (
        *("nobody", "POST", "/api/sessions/staff", {"name": "avocat-1", "passphrase": MARK}),
        *(404, "not-found", None),
    ),
    "no session": ("nobody", "GET", MINE, None, 401, "sign-in-first", None),
    "an unknown case": ("drafted", "GET", f"{API}/{NOWHERE}", None, 404, "not-found", None),
    "a case that cannot be": ("drafted", "GET", f"{API}/%20{MARK}", None, 422, "invalid-field", "case"),
    "somebody else's case": ("stranger", "GET", MINE, None, 404, "not-found", None),
    "somebody else's evidence": ("stranger", "GET", "/evidence" + MINE + "/exhibits", None, 404, "not-found", None),
    "somebody else's procedure": ("stranger", "GET", LEGAL, None, 404, "not-found", None),
    "somebody else's account": ("stranger", "GET", BILLING, None, 404, "not-found", None),
    "somebody else's letters": ("stranger", "GET", "/notify" + MINE + "/notifications", None, 404, "not-found", None),
    "somebody else's receipts": ("stranger", "GET", MINE + "/receipts", None, 404, "not-found", None),
    "changing somebody else's case": ("stranger", "PATCH", MINE, {"spreading": True}, 404, "not-found", None),
    "erasing somebody else's case": ("stranger", "POST", MINE + "/erasure", {}, 404, "not-found", None),
    "a stranger's invitation": ("stranger", "POST", MINE + "/invitations", {"role": "witness"}, 404, "not-found", None),
    "an act tomorrow, later": (
        *("drafted", "PATCH", MINE, {"more_acts": [{**ACT, "day": TO_COME}]}),
        *(422, "day-in-future", "acts.1.day"),
    ),
    "a role that nobody has": (
        *("drafted", "POST", MINE + "/invitations", {"role": "lawyer"}),
        *(422, "invalid-field", "role"),
    ),
    "a desk of another": (
        *("lawyer", "POST", "/api/team/cases/{drafted}/assign", {"role": "accountant"}),
        *(422, "not-of-the-team", "staff"),
    ),
    "the person at the team's desk": ("drafted", "GET", "/api/team/cases", None, 404, "not-found", None),
    "the person approving": (
        *("drafted", "POST", COMPLAINT + "/approval", {"commitment": "{commitment}"}),
        *(404, "not-found", None),
    ),
    "an approval before the identity": (
        *("lawyer", "POST", COMPLAINT + "/approval", {"commitment": "{commitment}"}),
        *(409, "identity-not-proven", None),
    ),
    "the approval of another draft": (
        *("lawyer", "POST", COMPLAINT + "/approval", {"commitment": "0" * 64}),
        *(409, "not-the-latest-draft", "commitment"),
    ),
    "an approval of no complaint": (
        *("lawyer", "POST", LEGAL + f"/complaints/{NOWHERE}/approval", {"commitment": "0" * 64}),
        *(404, "not-found", None),
    ),
    "filing what nobody approved": (
        *("lawyer", "POST", COMPLAINT + "/filing"),
        {"mode": "electronic", "day": TODAY.isoformat(), "place": MARK},
        *(409, "not-approved", None),
    ),
    "filing on a day to come": (
        *("lawyer", "POST", "/legal/api/cases/{paying}/complaints/{approved_complaint}/filing"),
        {"mode": "electronic", "day": TO_COME, "place": MARK},
        *(422, "day-in-future", "day"),
    ),
    "an answer to what was not filed": (
        *("lawyer", "POST", COMPLAINT + "/answers", {"answer": "registered", "day": TODAY.isoformat()}),
        *(409, "not-filed", None),
    ),
    "a civil party before a simple complaint": (
        *("lawyer", "POST", LEGAL + "/complaints", {"procedure": "civil-party"}),
        *(422, "needs-earlier-complaint", "procedure"),
    ),
    "a summons of who may be a minor": (
        *("lawyer", "POST", LEGAL + "/complaints", {"procedure": "direct-summons"}),
        *(422, "author-may-be-minor", "procedure"),
    ),
    "a draft before the diagnosis": (
        *("lawyer", "POST", "/legal/api/cases/{stranger}/complaints", {"procedure": "simple"}),
        *(404, "not-found", None),
    ),
    "an unknown procedure": (
        *("lawyer", "POST", LEGAL + "/complaints", {"procedure": MARK}),
        *(422, "invalid-field", "procedure"),
    ),
    "an act of nowhere in a draft": (
        *(
            "lawyer",
            "POST",
            LEGAL + "/complaints",
            {"procedure": "simple", "particulars": {"acts": [{"act": NOWHERE}]}},
        ),
        *(422, "act-unknown", "particulars.acts.0.act"),
    ),
    "an exhibit that is not listed": (
        *("lawyer", "POST", LEGAL + "/complaints"),
        {"procedure": "simple", "particulars": {"witnesses": [{"name": MARK, "exhibit": 9}]}},
        *(422, "exhibit-not-listed", "particulars"),
    ),
    "a draft deeper than anything": ("lawyer", "POST", LEGAL + "/complaints", DEEP, 400, "unreadable-json", None),
    "a draft over 64 KB": ("lawyer", "POST", LEGAL + "/complaints", LARGE, 413, "too-large", None),
    "a hearing in the past": (
        *("lawyer", "POST", LEGAL + "/hearings", {"kind": "trial", "day": YESTERDAY}),
        *(422, "hearing-in-past", "day"),
    ),
    "a hearing moved into the past": (
        *("lawyer", "POST", LEGAL + "/hearings/{hearing}/move", {"day": YESTERDAY}),
        *(422, "hearing-in-past", "day"),
    ),
    "a hearing held before its day": (
        *("lawyer", "POST", LEGAL + "/hearings/{hearing}/end", {"status": "held"}),
        *(422, "day-in-future", "day"),
    ),
    "a summons served on a day to come": (
        *("lawyer", "POST", LEGAL + "/hearings"),
        {"kind": "trial", "day": (TODAY + timedelta(days=30)).isoformat(), "served_on": TO_COME},
        *(422, "day-in-future", "served_on"),
    ),
    "a judgment of no hearing": (
        *("lawyer", "POST", LEGAL + "/judgments"),
        {"hearing": NOWHERE, "outcome": "convicted", "day": TODAY.isoformat()},
        *(422, "hearing-unknown", "hearing"),
    ),
    "negative costs": (
        *("lawyer", "POST", LEGAL + "/judgments"),
        {"hearing": "{hearing}", "outcome": "convicted", "day": TODAY.isoformat(), "costs_cents": -1},
        *(422, "invalid-field", "costs_cents"),
    ),
    "a negative recovery": (
        *("accountant", "POST", BILLING + "/recoveries", {"recovery": "r-1", "judgment": "j-1", "cents": -150_000}),
        *(422, "invalid-field", "cents"),
    ),
    "a recovery of half a cent": (
        *("accountant", "POST", BILLING + "/recoveries", {"recovery": "r-1", "judgment": "j-1", "cents": 0.5}),
        *(422, "invalid-field", "cents"),
    ),
    "a recovery in another currency": (
        *("accountant", "POST", BILLING + "/recoveries"),
        {"recovery": "r-1", "judgment": "j-1", "cents": 1, "currency": "USD"},
        *(422, "invalid-field", "currency"),
    ),
    "a recovery of no judgment": (
        *("accountant", "POST", BILLING + "/recoveries", {"recovery": "r-1", "judgment": "j-1", "cents": 1}),
        *(422, "unknown-judgment", "judgment"),
    ),
    "an accountant's work by the person": (
        *("paying", "POST", BILLING + "/recoveries", {"recovery": "r-1", "judgment": "j-1", "cents": 1}),
        *(404, "not-found", None),
    ),
    "a transfer that nobody was asked for": (
        *("accountant", "POST", BILLING + "/transfers", {"cents": 8_000, "reference": "VIR-1"}),
        *(422, "nothing-asked", "case"),
    ),
    "an insurer without a yes": (
        *("paying", "POST", BILLING + "/funding"),
        {"choice": "insurer", "insurer": INSURER, "policy": {"holder": MARK, "number": "1"}},
        *(422, "consent-needed", "consent_shown_recipient"),
    ),
    "a funding that is none": (
        "paying",
        "POST",
        BILLING + "/funding",
        {"choice": MARK},
        422,
        "invalid-field",
        "choice",
    ),
    "a funding without a bottom": ("paying", "POST", BILLING + "/funding", DEEP, 400, "unreadable-json", None),
    "the invoice of another case": (
        *("paying", "GET", "/billing/cases/{paying}/invoices/{invoice}", None),
        *(404, "not-found", None),
    ),
    "an invoice in another's case": (
        *("paying", "GET", "/billing/cases/{story}/invoices/{invoice}", None),
        *(404, "not-found", None),
    ),
    "another's complaint": (
        *("paying", "GET", "/legal/cases/{paying}/complaints/{complaint_of_story}.pdf", None),
        *(404, "not-found", None),
    ),
    "another's answer to confirm": (
        *("accountant", "POST", BILLING + "/answers", {"message": f"{INSURER}/none"}),
        *(404, "not-found", None),
    ),
    "a path that leads nowhere": ("drafted", "GET", f"/api/{MARK}", None, 404, "not-found", None),
    "a method that nobody knows": ("drafted", "PUT", MINE, {}, 405, "method-not-allowed", None),
}


@pytest.mark.parametrize("what", WRONG)
async def test_is_refused_and_changes_nothing(stage, http, everything, what):
    who, method, path, body, status, code, field = WRONG[what]
    names = stage.names
    async with nothing_changes(everything):
        sent: dict[str, Any] = (
            {} if body is None else {"content": body if isinstance(body, bytes) else _filled(body, names)}
        )
        headers = {"Content-Type": "application/json"} if sent else {}
        answer = await ask(http, stage.of(who), method, path.format(**names), headers=headers, **sent)
        refused(answer, status, code, field)


def _filled(body, names) -> bytes:
    said = json.dumps(body)
    for name, value in names.items():
        said = said.replace(f'"{{{name}}}"', json.dumps(value))
    return said.encode()


# ---- files

DECLARED_WRONG: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "nothing declared": ({"may_show_minor_sexually": None}, "ask-first", "may_show_minor_sexually"),
    "what nobody may hold": ({"may_show_minor_sexually": True}, "may-show-a-minor", "may_show_minor_sexually"),
    "an unknown kind": ({"kind": MARK}, "invalid-field", "kind"),
    "a kind that is a list": ({"kind": ["message"]}, "invalid-field", "kind"),
    "an unknown field": ({"colour": MARK}, "invalid-field", None),
    "an hour that is none": ({"hour": "25:61"}, "invalid-field", "hour"),
    "a day to come": ({"day": TO_COME}, "day-in-future", "day"),
    "too much": ({"note": MARK * 2_000}, "too-large", None),
}


@pytest.mark.parametrize("what", DECLARED_WRONG)
async def test_a_file_wrongly_declared_is_not_taken_in(stage, everything, what):
    declared, code, field = DECLARED_WRONG[what]
    async with nothing_changes(everything):
        refused(await deposit(stage.drafted, b"words", **declared), 422, code, field)


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty-file"), (b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0", "program")]
)
async def test_a_file_that_is_none_is_not_kept(stage, everything, content, code):
    async with nothing_changes(everything):
        refused(await deposit(stage.drafted, content), 422, code)


async def test_a_stranger_deposits_nothing(stage, everything):
    case, stage_session = stage.drafted.case, stage.stranger.session
    path = f"/evidence/api/cases/{case}/exhibits"
    headers = {"Recours-Exhibit": '{"may_show_minor_sexually": false, "kind": "message"}'}
    async with nothing_changes(everything):
        answer = await ask(stage.drafted.http, stage_session, "POST", path, content=b"words", headers=headers)
        refused(answer, 404, "not-found")


def _head(stage, platform, *lines: str) -> str:
    person = stage.drafted
    return "\n".join(
        (
            f"POST /evidence/api/cases/{person.case}/exhibits HTTP/1.1",
            f"Host: 127.0.0.1:{platform.site.ports['gateway']}",
            f"Authorization: Bearer {person.session}",
            'Recours-Exhibit: {"may_show_minor_sexually": false, "kind": "message"}',
            *lines,
        )
    )


@pytest.mark.parametrize("close", [True, False], ids=["and leaves", "and waits"])
@pytest.mark.parametrize(
    ("announced", "body"),
    [
        ("Content-Length: 3000000", b"x" * 1_000_000),
        ("Content-Length: 2", b""),
        ("Transfer-Encoding: chunked", b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"),
    ],
    ids=["a third of what it announced", "nothing of what it announced", "chunks without an end"],
)
async def test_an_upload_that_breaks_off_leaves_nothing(stage, platform, everything, announced, body, close):
    async with nothing_changes(everything):
        answer = await raw(platform.site.ports["gateway"], _head(stage, platform, announced), body, close=close)
        assert b"201 Created" not in answer
        # The services learn of it a moment later: only then is there nothing more to come.
        await until("the upload is given up", lambda: _idle(everything, stage))


async def _idle(everything, stage) -> bool:
    """A deposit that came after the broken one was answered: it is refused, so that it leaves nothing either."""
    refused(await deposit(stage.drafted, b""), 422, "empty-file")
    await asyncio.sleep(0.3)
    return True


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (("Content-Length: -5",), b"words"),
        (("Content-Length: many",), b"words"),
        (("Content-Length: 5", "Content-Length: 50"), b"words"),
        (("Content-Length: 5", "Transfer-Encoding: chunked"), b"5\r\nwords\r\n0\r\n\r\n"),
        (("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        (("Transfer-Encoding: gzip, chunked",), b"5\r\nwords\r\n0\r\n\r\n"),
        (("Content-Length: 5", "Recours Exhibit: {}"), b"words"),
    ],
    ids=["negative", "a word", "two lengths", "length and chunks", "a hidden request", "zipped", "a name with a space"],
)
async def test_a_head_that_contradicts_itself_is_not_believed(stage, platform, everything, lines, body):
    async with nothing_changes(everything):
        answer = await raw(platform.site.ports["gateway"], _head(stage, platform, *lines), body, close=False)
        assert answer.split(b" ")[1] == b"400", answer[:100]
        assert answer.count(b"HTTP/1.1") == 1, "one request, one answer"


# ---- the same key twice


async def test_an_idempotency_key_serves_one_request_only(stage, http, everything):
    key = ids.new()
    path = f"/api/cases/{stage.drafted.case}/invitations"
    first = await ask(http, stage.drafted.session, "POST", path, key=key, json={"role": "witness"})
    assert first.status_code == 201
    await everything.quiet()
    async with nothing_changes(everything):
        other = await ask(http, stage.drafted.session, "POST", path, key=key, json={"role": "institution"})
        refused(other, 409, "idempotency-key-reused", "Idempotency-Key")
        again = await ask(http, stage.drafted.session, "POST", path, key=key, json={"role": "witness"})
        assert (again.status_code, again.content) == (201, first.content)
        short = await ask(http, stage.drafted.session, "POST", path, key="short", json={"role": "witness"})
        refused(short, 422, "idempotency-key-malformed", "Idempotency-Key")


async def test_an_idempotency_key_serves_one_deposit_only(stage, everything):
    key = ids.new()
    first = await deposit(stage.drafted, b"first words", key)
    assert first.status_code == 201
    await everything.quiet()
    async with nothing_changes(everything):
        refused(
            await deposit(stage.drafted, b"other words, longer", key), 409, "idempotency-key-reused", "Idempotency-Key"
        )
        assert (await deposit(stage.drafted, b"first words", key)).json() == first.json()


# ---- what is accepted although it is wrong


async def test_a_hearing_called_too_soon_is_recorded_as_such(stage, http, everything):
    path = f"/legal/api/cases/{stage.drafted.case}"
    body = {"kind": "trial", "day": TO_COME, "called_by": "direct-summons", "served_on": TODAY.isoformat()}
    answer = await ask(http, stage.of("lawyer"), "POST", f"{path}/hearings", json=body)
    assert answer.status_code == 201, answer.text
    events = everything.collection("legal", "events").find({"topic": "hearing-scheduled"})
    said = [json.loads(one["body"]) for one in events]
    assert [one["notice"] for one in said if one["hearing"] == answer.json()["hearing"]] == ["too-soon"]
    await everything.quiet()


# ---- money that lies


def _event(stage, **changed) -> str:
    paid = {
        "client_reference_id": stage.names["payment"],
        "payment_status": "paid",
        "amount_total": 8_000,
        "currency": "eur",
        "payment_intent": f"pi_{ids.new().replace('-', '')}",
        **changed,
    }
    return json.dumps(
        {"id": f"evt_{ids.new()}", "object": "event", "type": "checkout.session.completed", "data": {"object": paid}}
    )


async def _webhook(platform, payload: str, *, secret: str | None = None, at: int | None = None) -> httpx.Response:
    when = int(clock.now().timestamp()) if at is None else at
    signed = signature(payload, platform.site.webhook_secret if secret is None else secret, when)
    async with httpx.AsyncClient(base_url=platform.origin, trust_env=False) as provider:
        headers = {"Stripe-Signature": signed, "Content-Type": "application/json"}
        return await provider.post("/billing/webhooks/payment", content=payload, headers=headers)


PAID_WRONGLY: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "a cent too little": ({"amount_total": 7_999}, "amount-mismatch", "cents"),
    "a hundred times too much": ({"amount_total": 800_000}, "amount-mismatch", "cents"),
    "less than nothing": ({"amount_total": -8_000}, "unreadable-payment", None),
    "another currency": ({"currency": "usd"}, "amount-mismatch", "cents"),
    "no currency": ({"currency": None}, "unreadable-payment", None),
    "half a cent": ({"amount_total": 8000.5}, "unreadable-payment", None),
    "a payment that nobody asked for": ({"client_reference_id": NOWHERE}, "unknown-payment", "payment"),
    "no payment": ({"client_reference_id": None}, "unreadable-payment", None),
}


@pytest.mark.parametrize("what", PAID_WRONGLY)
async def test_a_signed_payment_with_wrong_figures_pays_nothing(stage, platform, everything, what):
    changed, code, field = PAID_WRONGLY[what]
    async with nothing_changes(everything):
        refused(await _webhook(platform, _event(stage, **changed)), 422, code, field)


async def test_a_webhook_that_the_provider_did_not_sign_pays_nothing(stage, platform, everything):
    payload = _event(stage)
    async with nothing_changes(everything):
        refused(await _webhook(platform, payload, secret="whsec_forged"), 400, "broken-signature")
        refused(await _webhook(platform, payload, at=int(clock.now().timestamp()) - 3600), 400, "broken-signature")
        async with httpx.AsyncClient(base_url=platform.origin, trust_env=False) as provider:
            refused(await provider.post("/billing/webhooks/payment", content=payload), 400, "broken-signature")


@pytest.mark.parametrize(
    ("payload", "status", "code"),
    [("[" * 500, 400, "broken-contract"), ('["paid"]', 400, "broken-contract"), ('{"data":7}', 400, "broken-contract")],
)
async def test_a_signed_webhook_that_says_nothing_is_refused(platform, everything, payload, status, code):
    async with nothing_changes(everything):
        refused(await _webhook(platform, payload), status, code)


async def test_a_payment_that_is_told_twice_is_booked_once(played, story, platform, everything):
    told = next(everything.collection("billing", "events").find({"topic": "payment-received"}))
    said = json.loads(told["body"])
    paid = {
        "client_reference_id": said["payment"],
        "payment_status": "paid",
        "amount_total": 8_000,
        "currency": "eur",
        "payment_intent": said["provider_reference"],
    }
    payload = json.dumps(
        {"id": "evt_again", "object": "event", "type": "checkout.session.completed", "data": {"object": paid}}
    )
    async with nothing_changes(everything):
        for _ in range(2):
            assert (await _webhook(platform, payload)).json() == {"taken": True}


# ---- partners


@asynccontextmanager
async def refused_to_partner(everything, code: str, message: str | None, service: str, within: float = 60):
    """One refusal more on the bus, with ``code``, and nothing else changed but the note of it."""
    before, refusals = await everything.count(), await everything.refusals()
    yield

    async def answered():
        return (await everything.refusals())[len(refusals) :]

    (answer,) = await until("the partner is answered", answered, within)
    assert (answer.code, answer.message) == (code, message)
    assert answer.detail.endswith(".")
    assert MARK not in answer.model_dump_json()
    after = await everything.count()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {f"{service}.outside"}, changed


def _cover(stage, **changed) -> Cover:
    said = {"id": ids.new(), "partner": INSURER, "case": stage.paying.case, "cover": "c-1", "decision": "accepted"}
    return Cover(**{**said, **changed})


def _receipt(stage, **changed) -> FilingReceipt:
    said = {
        "id": ids.new(),
        "partner": COURT,
        "case": stage.drafted.case,
        "complaint": stage.names["complaint"],
        "day": TODAY,
        "sealed_receipt": seal({"receipt": MARK}, SOMEBODY),
    }
    return FilingReceipt(**{**said, **changed})


SOMEBODY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


async def test_an_unknown_partner_is_refused(stage, platform, everything):
    voice = PartnerVoice(platform.site.address("bus"), generate(partner_owner("inconnu"), clock.now()))
    async with refused_to_partner(everything, "unknown-partner", None, "billing"):
        await voice.say(_cover(stage, partner="inconnu"))


async def test_a_partner_s_name_with_another_s_key_is_refused(stage, platform, everything):
    voice = PartnerVoice(platform.site.address("bus"), generate(partner_owner(INSURER), clock.now()))
    async with refused_to_partner(everything, "bad-signature", None, "billing"):
        await voice.say(_cover(stage))


async def test_a_topic_out_of_the_partner_s_scope_is_refused(stage, story, everything):
    message = _receipt(stage, partner=INSURER)
    async with refused_to_partner(everything, "out-of-scope", None, "legal"):
        await story.insurer.say(message)


async def test_a_case_out_of_the_partner_s_scope_is_refused(stage, everything):
    message = _receipt(stage, case=stage.stranger.case)
    async with refused_to_partner(everything, "out-of-scope", message.id, "legal"):
        await stage.court_says.say(message)


async def test_a_receipt_of_what_was_not_filed_is_refused(stage, everything):
    message = _receipt(stage)
    async with refused_to_partner(everything, "not-filed", message.id, "legal"):
        await stage.court_says.say(message)


async def test_a_message_that_names_nothing_of_the_case_is_refused(stage, everything):
    message = _receipt(stage, complaint=NOWHERE)
    async with refused_to_partner(everything, "not-found", message.id, "legal"):
        await stage.court_says.say(message)


async def test_a_message_without_its_fields_is_refused(stage, everything):
    message = _receipt(stage).model_copy(update={"day": MARK})
    async with refused_to_partner(everything, "malformed", None, "legal"):
        with pytest.warns(UserWarning, match="serializ"):
            await stage.court_says.say(message)


async def test_the_same_message_twice_is_answered_once_and_its_id_serves_no_other(stage, everything):
    message = _receipt(stage, complaint=NOWHERE)
    async with refused_to_partner(everything, "not-found", message.id, "legal"):
        await stage.court_says.say(message)
    async with refused_to_partner(everything, "id-reused", message.id, "legal"):
        await stage.court_says.say(message.model_copy(update={"day": TODAY - timedelta(days=1)}))


async def test_a_message_about_an_unknown_case_waits_three_days_and_is_refused(stage, everything):
    message = _receipt(stage, case=NOWHERE)
    outside = everything.collection("legal", "outside")
    name = f"{COURT}/{message.id}"
    async with refused_to_partner(everything, "unknown-case", message.id, "legal"):
        await stage.court_says.say(message)

        async def waiting():
            return outside.find_one({"_id": name, "status": "waiting"})

        found = await until("the message waits", waiting)
        # Three days, without waiting for them.
        outside.update_one({"_id": name}, {"$set": {"received": found["received"] - timedelta(hours=72, minutes=1)}})


async def test_an_answer_about_a_cover_of_nobody_binds_nobody(stage, story, http, everything):
    message = _cover(stage)
    await story.insurer.say(message)
    path = f"/billing/api/cases/{stage.paying.case}/answers"

    async def arrived():
        return (await ask(http, stage.of("accountant"), "GET", path)).json()

    (waiting,) = await until("the answer waits for staff", arrived)
    async with nothing_changes(everything):
        answer = await ask(http, stage.of("accountant"), "POST", path, json={"message": waiting["message"]})
        refused(answer, 422, "unknown-cover", "cover")


async def test_an_answer_of_a_platform_is_taken_or_refused(stage, story, everything):
    refusals = await everything.refusals()
    before = await everything.count()
    await story.insurer.say(Preservation(id=ids.new(), partner=INSURER, preservation="p-1", answer="acknowledged"))
    await asyncio.sleep(2)
    after = await everything.count()
    assert (await everything.refusals() != refusals) or before != after


async def test_afterwards_no_aggregate_is_held_and_no_letter_is_dead(everything):
    for service in ("intake", "evidence", "legal", "billing", "notify"):
        assert everything.collection(service, "dead_letters").count_documents({}) == 0
        assert everything.collection(service, "states").count_documents({"held": True}) == 0
