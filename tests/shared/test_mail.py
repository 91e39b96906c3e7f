from __future__ import annotations

import asyncio
from email import message_from_bytes
from typing import cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Relay

from shared import mail as mailing
from shared.errors import Unavailable
from shared.mail import page, page_operators, post
from shared.runtime.declaration import Impossible
from shared.settings import Settings
from tests.given import CASE, NOON

pytestmark = pytest.mark.loopback
ADDRESS = "astreinte@exemple.test"
SECOND = "relais@exemple.test"


class Box:
    """A relay's mind: what it answers at each step, and what it took."""

    def __init__(self):
        self.answers = {}
        self.taken = []
        self.greeted = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.greeted.append(hostname)
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return self.answers.get(address, self.answers.get("RCPT", "250 OK"))

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.taken.append(envelope)
        return answer


class Loopback(Controller):
    """A controller whose port the system chooses."""

    def factory(self):
        return Relay(self.handler, hostname="relay.exemple.test")

    def _trigger_server(self):
        self.port = cast("asyncio.Server", self.server).sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def relay(box):
    controller = Loopback(box, hostname="127.0.0.1", port=0)
    controller.start()
    yield controller
    if not controller.loop.is_closed():
        controller.stop()


@pytest.fixture
def settings(relay):
    return Settings(smtp_host="127.0.0.1", smtp_port=relay.port, smtp_from="agenda@exemple.test")


def mail(to=ADDRESS):
    settings = Settings(smtp_from="agenda@exemple.test")
    return page(
        settings, reason="danger", case=CASE, to=to, message_id="abc@exemple.test", link="https://x.test/", now=NOON
    )


async def paged(settings, *operators, key="job-1"):
    settings = settings.model_copy(update={"operators": operators})
    await page_operators(settings, reason="danger", case=CASE, key=key, link=f"https://x.test/cases/{CASE}", now=NOON)


async def test_the_relay_gets_the_mail_and_not_our_machines_name(box, settings):
    await post(mail(), settings)
    (taken,) = box.taken
    assert taken.mail_from == "agenda@exemple.test"
    assert taken.rcpt_tos == [ADDRESS]
    assert b"Message-ID: <abc@exemple.test>" in taken.content
    assert box.greeted == ["exemple.test"]


@pytest.mark.parametrize(
    ("step", "answer", "reason"),
    [("RCPT", "550 no such user", "address-refused"), ("DATA", "554 not wanted", "mail-refused")],
)
async def test_a_refusal_for_good_is_not_tried_again(box, settings, step, answer, reason):
    box.answers[step] = answer
    with pytest.raises(Impossible) as caught:
        await post(mail(), settings)
    assert caught.value.reason == reason
    assert not box.taken


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("RCPT", "450 grey list"),
        ("DATA", "452 full"),
        ("MAIL", "451 later"),
        ("MAIL", "550 who are you"),
    ],
)
async def test_a_refusal_for_now_or_of_us_is_tried_again(box, settings, step, answer):
    box.answers[step] = answer
    with pytest.raises(Unavailable) as caught:
        await post(mail(), settings)
    assert ADDRESS not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_relay_that_is_not_there_is_tried_again(relay, settings):
    relay.stop()
    with pytest.raises(Unavailable):
        await post(mail(), settings)


async def test_an_address_that_the_relay_cannot_carry_is_refused_for_good(settings):
    with pytest.raises(Impossible) as caught:
        await post(mail("zoé@exemple.test"), settings)
    assert caught.value.reason == "address-refused"


async def test_every_operator_gets_a_mail_of_their_own_which_a_repeat_shows_as_one(box, settings):
    for _ in range(2):
        await paged(settings, ADDRESS, SECOND)
    first, second, *again = [message_from_bytes(one.content) for one in box.taken]
    assert [one.rcpt_tos for one in box.taken] == [[ADDRESS], [SECOND]] * 2
    assert (first["To"], second["To"]) == (ADDRESS, SECOND)
    assert [one["Message-ID"] for one in again] == [first["Message-ID"], second["Message-ID"]]
    assert first["Message-ID"] != second["Message-ID"]


async def test_another_page_has_another_identity(box, settings):
    await paged(settings, ADDRESS)
    await paged(settings, ADDRESS, key="job-2")
    first, second = [message_from_bytes(one.content)["Message-ID"] for one in box.taken]
    assert first != second


@pytest.mark.parametrize("answer", ["550 no such user", "450 grey list"])
async def test_one_address_that_is_refused_keeps_nobody_else_from_being_told(box, settings, answer):
    box.answers[ADDRESS] = answer
    await paged(settings, ADDRESS, SECOND)
    assert [one.rcpt_tos for one in box.taken] == [[SECOND]]


async def test_when_nobody_was_reached_but_may_be_later_it_is_tried_again(box, settings):
    box.answers |= {ADDRESS: "550 no such user", SECOND: "450 grey list"}
    with pytest.raises(Unavailable):
        await paged(settings, ADDRESS, SECOND)


async def test_when_all_are_refused_for_good_it_is_not_tried_again(box, settings):
    box.answers["RCPT"] = "550 no such user"
    with pytest.raises(Impossible) as caught:
        await paged(settings, ADDRESS, SECOND)
    assert caught.value.reason == "address-refused"


async def test_without_operators_the_failure_is_named_and_logged(settings, monkeypatch):
    said = []
    monkeypatch.setattr(mailing._LOG, "error", lambda event, **keys: said.append((event, keys)))
    with pytest.raises(Impossible) as caught:
        await paged(settings)
    assert caught.value.reason == "no-operator"
    assert said == [("nobody-to-page", {"reason": "no-operator", "kind": "danger"})]
