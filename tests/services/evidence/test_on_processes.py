"""Evidence as a real process on real engines: from a case that opens to a case that is forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import pytest
from aiokafka import AIOKafkaProducer

from deploy.embedded.supervisor import Platform
from shared import clock, ids
from shared.contracts.intake import AccessGranted, CaseOpened, ErasurePlanned, Facets
from shared.runtime.messages import to_message
from shared.settings import read
from shared.trust import timestamps
from shared.trust.keyring import Keyring
from shared.trust.sessions import issue_session
from tests.given import followed
from tests.services.evidence.stand_in import PNG, said
from tests.services.running import running
from tests.shared.runtime.processes import close_databases, database, until

pytestmark = pytest.mark.platform


@pytest.fixture(scope="module")
async def platform(tmp_path_factory, engines):
    async with Platform(tmp_path_factory.mktemp("platform"), services=(), engines=engines) as platform:
        yield platform
        close_databases()


@pytest.fixture
async def evidence(platform):
    """An HTTP client of the running service."""
    async with running(platform, "evidence") as client:
        yield client


class Intake:
    """What intake says of one case, signed with its key, on the bus."""

    def __init__(self, platform: Platform) -> None:
        given = platform.settings_for("intake")
        self.settings = read(**{name.removeprefix("RECOURS_").lower(): value for name, value in given.items()})
        self.case = ids.new()
        self.said = 0

    async def __aenter__(self) -> Self:
        self.keyring = Keyring(self.settings.keyring, self.settings.keyring_token.get_secret_value())
        self.key = await self.keyring.signing_key("intake")
        self.producer = AIOKafkaProducer(bootstrap_servers=list(self.settings.bus), enable_idempotence=False)
        await self.producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.producer.stop()
        await self.keyring.close()

    async def says(self, event) -> None:
        self.said += 1
        fact = replace(
            followed(event, sequence=self.said, case=self.case), time=clock.now(), causation="test", correlation="test"
        )
        message = to_message(fact, self.key, epoch="test/1")
        await self.producer.send_and_wait(
            message.topic, value=message.body, key=message.key, headers=list(message.headers)
        )

    def session(self) -> dict[str, str]:
        token = issue_session(
            self.key, sub="holder-v", role="victim", case_id=self.case, sequence=self.said, now=clock.now()
        )
        return {"Authorization": f"Bearer {token}"}


async def test_an_exhibit_lives_from_its_upload_to_the_erasure_of_its_case(platform, evidence):
    async with Intake(platform) as intake:
        recipients = {str(one): key for one, key in (await intake.keyring.create_case_keys(intake.case)).items()}
        opening = CaseOpened(facets=Facets(persona="victim"), locator="0" * 64, recipients=recipients)
        await intake.says(opening)
        await intake.says(AccessGranted(access="access-v", role="victim", holder="holder-v"))
        at = f"/evidence/api/cases/{intake.case}/exhibits"

        async def exhibits():
            answer = await evidence.get(at, headers=intake.session())
            return answer.json()["exhibits"] if answer.status_code == 200 else None

        async def readable():
            return await exhibits() is not None

        await until(readable)
        told = await evidence.post(at, content=PNG, headers={**intake.session(), **said()})
        assert told.status_code == 201, told.text
        exhibit = told.json()["exhibit"]

        async def stamped():
            found = await exhibits()
            return found and found[0]["timestamp"]

        assert (await until(stamped))["authority"]
        token = await evidence.get(f"{at}/{exhibit}/token", headers=intake.session())
        chain = intake.settings.tsa_chain
        assert chain
        facts = timestamps.verify(token.content, bytes.fromhex(told.json()["digest"]), chain.read_bytes())
        assert facts.gen_time
        copy = await evidence.get(f"{at}/{exhibit}/original", headers=intake.session())
        assert copy.content == PNG

        events = database(platform, "evidence")["events"]

        def emitted():
            return [one["topic"] for one in events.find({"key": intake.case.encode()})]

        assert sorted(emitted()) == ["evidence-timestamped", "evidence-uploaded", "record-viewed", "record-viewed"]
        await intake.says(ErasurePlanned(erasure=ids.new()))

        async def cleared():
            return "erasure-cleared" in emitted()

        await until(cleared)
        assert "evidence-withdrawn" in emitted()
        assert await exhibits() == []
        gone = await evidence.get(f"{at}/{exhibit}/original", headers=intake.session())
        assert gone.status_code == 404
