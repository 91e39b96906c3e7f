"""Partners' messages: one effect each, whoever handles them at once; a wrong one is refused and keeps no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared import clock
from shared.contracts.notify import NotificationSent
from shared.contracts.partners import Cover, Referral
from shared.errors import NotFound, Unavailable
from shared.runtime.declaration import Acceptance, Aggregate, Command, Service, State, quiet
from shared.runtime.messages import Arrival
from shared.runtime.outside import TYP, Outside
from shared.trust.jws import sign_compact
from shared.trust.partners import Partner
from shared.trust.signing import generate
from tests.shared.runtime.memory import CASE, Memory, Silent, engine_of

INSURER = generate("partner:insurer", clock.now())


class Note(Command):
    aggregate = "case"
    cover: str


def decide(state, command: Note, now):
    return (NotificationSent(notification=command.cover, template="toy", channel="email", sent_at=now),)


class Desk:
    """What Outside asks of Running."""

    def __init__(self, store: Memory, *, confirmed: bool = False, command=None) -> None:
        make = command or (lambda message, case, now: Note(case=case, cover=message.cover))
        whole = Aggregate("case", State, decide, lambda state, fact: state)
        accepts = (Acceptance(Cover, make, confirmed),)
        self.service = Service("notify", (whole,), (NotificationSent,), (), accepts)
        self.store = store
        self.said = Silent()
        self.engine = engine_of(self.service, store, self.said)
        self.keyring = self
        self.asked: list[str] = []
        self.known = True
        self.outside = Outside(self)  # type: ignore[arg-type]

    async def partner(self, name: str):
        self.asked.append(name)
        if name != "insurer":
            return None
        return Partner(
            partner_id="insurer", name="I", keys=(INSURER.public(),), topics=frozenset({Cover.topic}), cases="*"
        )

    async def knows(self, case):
        return self.known

    async def carry_out(self, command, **more):
        return await self.engine.commands.carry_out(command, **more)

    def effects(self) -> int:
        return len(self.store.published)

    def codes(self) -> list[str]:
        return [one["code"] for one in self.store.outside_documents.values() if one["status"] == "refused"]


def signed(message: str = "m1", cover: str = "c1", **more) -> Arrival:
    claims = {"id": message, "partner": "insurer", "case": CASE, "cover": cover, "decision": "accepted", **more}
    return Arrival(Cover.topic, 0, 1, b"insurer", (), sign_compact(INSURER, TYP, claims).encode())


async def test_a_message_that_comes_twice_has_one_effect_and_other_content_under_its_id_is_refused():
    desk = Desk(Memory())
    await desk.outside.receive(signed())
    await desk.outside.receive(signed())
    assert (desk.effects(), desk.codes()) == (1, [])
    await desk.outside.receive(signed(cover="c2"))
    await desk.outside.receive(signed(cover="c2"))
    assert (desk.effects(), desk.codes()) == (1, ["id-reused"])
    assert len(desk.said.said) == 2


async def test_a_message_handled_by_two_members_at_once_has_one_effect(monkeypatch):
    monkeypatch.setattr("shared.runtime.commands.COMMAND_TRIES", 2)
    store = Memory()
    first, second = Desk(store), Desk(store)
    seen = store.find

    async def before_the_other(collection, document_id):
        found = await seen(collection, document_id)
        if collection == "outside" and store.find is before_the_other:
            store.find = seen
            await first.outside.receive(signed())
        return found

    store.find = before_the_other
    with pytest.raises(Unavailable):
        await second.outside.receive(signed())
    await second.outside.receive(signed())
    assert first.effects() == 1


async def test_a_message_that_two_members_of_staff_confirm_at_once_binds_once(monkeypatch):
    monkeypatch.setattr("shared.runtime.commands.COMMAND_TRIES", 2)
    store = Memory()
    desk = Desk(store, confirmed=True)
    await desk.outside.receive(signed())
    seen = dict(store.outside_documents["insurer/m1"])
    await desk.outside.confirm("insurer/m1", CASE)

    async def stale(collection, document_id):
        return seen if collection == "outside" else store.states.get(document_id)

    store.find = stale
    with pytest.raises(Unavailable):
        await desk.outside.confirm("insurer/m1", CASE)
    assert desk.effects() == 1
    with pytest.raises(NotFound):
        await desk.outside.confirm("insurer/m1", CASE.replace("1", "2"))


async def test_an_unconfirmed_message_whose_key_was_ended_is_refused_and_the_others_are_listed():
    desk = Desk(Memory(), confirmed=True)
    await desk.outside.receive(signed("m1"))
    await desk.outside.receive(signed("m2"))
    desk.store.outside_documents["insurer/m1"]["received"] = INSURER.public().not_before - timedelta(hours=1)
    assert [place for place, _ in await desk.outside.unconfirmed(CASE)] == ["insurer/m2"]
    assert desk.codes() == ["bad-signature"]
    assert [place for place, _ in await desk.outside.unconfirmed(CASE)] == ["insurer/m2"]


async def test_a_message_that_cannot_be_taken_in_is_refused_and_the_next_one_goes_on():
    def command(message, case, now):
        if message.cover == "sick":
            raise ValueError("Camille Perrin")
        return Note(case=case, cover=message.cover)

    desk = Desk(Memory(), command=command)
    await desk.outside.receive(signed("m1", "sick"))
    await desk.outside.receive(signed("m2"))
    assert (desk.codes(), desk.effects()) == (["failed"], 1)


@pytest.mark.parametrize("name", ["../../services/billing/key", "", "A", 3, None, "x" * 80])
async def test_a_partners_name_reaches_the_keyring_only_if_it_can_be_one(name):
    desk = Desk(Memory())
    await desk.outside.receive(signed(partner=name))
    assert (desk.asked, desk.codes()) == ([], ["unknown-partner"])


async def test_a_message_for_an_unknown_case_waits_and_is_refused_after_72_hours(monkeypatch):
    desk = Desk(Memory())
    desk.known = False
    await desk.outside.receive(signed())
    await desk.outside.sweep()
    assert [one["status"] for one in desk.store.outside_documents.values()] == ["waiting"]
    monkeypatch.setattr("shared.runtime.outside.PATIENCE", -clock.now().resolution)
    await desk.outside.sweep()
    assert (desk.codes(), desk.effects()) == (["unknown-case"], 0)


async def test_a_waiting_message_is_settled_once_its_case_is_there():
    desk = Desk(Memory())
    desk.known = False
    await desk.outside.receive(signed())
    desk.known = True
    await desk.outside.sweep()
    await desk.outside.sweep()
    assert (desk.codes(), desk.effects()) == ([], 1)


async def test_the_same_token_on_another_topic_is_refused():
    desk = Desk(Memory())
    desk.outside._acceptances["partner.referral"] = Acceptance(Referral, quiet)
    await desk.outside.receive(signed())
    await desk.outside.receive(replace(signed(), topic="partner.referral"))
    assert (desk.effects(), desk.codes()) == (1, ["malformed"])
