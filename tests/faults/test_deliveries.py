"""The fault matrix, on real processes: records come again, in another order, from a bus that lost its log.

Afterwards the invariants hold (I1-I8). ``RECOURS_FAULT_SEED`` plays a run again. The bed, the driver and the checks
are in the modules beside.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer

from deploy.demo.client import PartnerVoice
from deploy.embedded.engines.objects import client as object_client
from deploy.embedded.site import BUCKET_OF_THE_BUS
from shared import clock, ids
from shared.contracts.partners import Referral
from shared.trust.keyring import Keyring
from shared.trust.partners import Partner, partner_owner
from shared.trust.signing import generate

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]


async def test_everything_is_delivered_again_in_another_order(bed, pair, load, measured):
    await load.play(6)
    await bed.sound(load)
    again = [one for one in (await bed.see()).records if one.topic != "checkpoint"]
    load.chance.shuffle(again)
    async with load.meanwhile():
        await _produce(bed, [(one.topic, one.key, one.headers, one.body) for one in again])
    measured(await bed.sound(load))


async def test_the_bus_is_wiped_and_published_again_out_of_order(bed, pair, load, measured):
    """Its log and its offsets are gone; the stores give every event again, shuffled, some of them twice."""
    await load.play(6)
    await bed.sound(load)
    await asyncio.gather(*(one.kill() for one in pair))
    await asyncio.to_thread(_empty, object_client(bed.platform.site))
    bed.platform.kill("bus")
    await bed.platform.wait_restarted("bus")
    begin = time.monotonic()
    await asyncio.gather(*(one.start() for one in pair))
    events = [one for name in ("intake", "notify") for one in bed.database(name)["events"].find()]
    again = [*events, *load.chance.sample(events, len(events) // 4)]
    load.chance.shuffle(again)
    async with load.meanwhile():
        await _produce(bed, [(one["topic"], one["key"], one["headers"], one["body"]) for one in again])
    await bed.sound(load)
    measured(time.monotonic() - begin)


def _empty(server) -> None:
    for one in server.list_objects(BUCKET_OF_THE_BUS, recursive=True):
        server.remove_object(BUCKET_OF_THE_BUS, one.object_name)


async def _produce(bed, messages) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bed.bus_address, acks="all", enable_idempotence=False)
    await producer.start()
    try:
        sent = []
        for topic, key, headers, body in messages:
            said = [(name, bytes(value)) for name, value in headers]
            sent.append(await producer.send(topic, value=bytes(body), key=bytes(key), headers=said))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def test_a_partners_messages_come_twice_while_their_service_is_killed(bed, pair, load, measured):
    intake, _ = pair
    key = generate(partner_owner("association"), clock.now())
    settings = bed.platform.settings_for("operator")
    async with Keyring(settings["RECOURS_KEYRING"], settings["RECOURS_KEYRING_TOKEN"]) as keyring:
        partner = Partner(
            partner_id="association", name="A", keys=(key.public(),), topics=frozenset({Referral.topic}), cases="*"
        )
        await keyring.register_partner(partner)
    voice = PartnerVoice(bed.bus_address, key)
    cases = await load.play(3, 1)
    messages = [
        Referral(id=ids.new(), partner="association", case=case, persona="victim", sealed_contact="AAAA")
        for case in cases
    ]
    intake.arm("before-command", 2)
    await asyncio.gather(*(voice.say(one) for one in messages))
    await intake.died()
    await intake.start()
    intake.arm("after-command", 1)
    more = [one.model_copy(update={"id": ids.new()}) for one in messages]
    await asyncio.gather(*(voice.say(one) for one in [*messages, *more]))
    await intake.died()
    await intake.start()
    measured(await bed.sound(load))
