from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from shared import clock, ids
from shared.errors import Unavailable
from shared.web.bodies import whole
from shared.web.idempotency import once
from tests.given import CASE
from tests.shared.web.stand_in import IDENTITY, Running, bearer, client, routed, service

KEY = {"Idempotency-Key": "0b5c9f1e-7d0f-4a63-9f3e-000000000001"}


class Counted(Running):
    """Carries out a command by keeping its answer, as the store does in the command's transaction."""

    done = 0
    begun = 0
    crash = False
    reached: asyncio.Event | None = None
    may_go_on: asyncio.Event

    def hold_up(self):
        self.reached, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def carry_out(self, answer):
        self.begun += 1
        if self.reached is not None:
            self.reached.set()
            await self.may_go_on.wait()
        if answer is not None and answer.id in self.kept:
            raise Unavailable("Somebody was faster.")
        if self.crash:
            raise Unavailable("The store does not answer.")
        self.done += 1
        if answer is not None:
            self.kept[answer.id] = answer


def add(router: APIRouter, running: Any) -> None:
    @router.post("/intake/cases")
    async def opening(request: Request):
        body = await whole(request)

        async def act(keep):
            case = ids.new()
            response = JSONResponse({"case": case}, 201, {"Location": f"/cases/{case}", "X-Other": "x"})
            await running.carry_out(keep(response, IDENTITY.recipient, case=case))
            return response

        return await once(running, request, None, "contact", body, act)

    @router.post("/intake/cases/{case}/notes")
    async def note(request: Request, case: str):
        body = await whole(request)

        async def act(keep):
            response = JSONResponse({"note": ids.new()}, 201)
            await running.carry_out(keep(response, IDENTITY.recipient))
            return response

        return await once(running, request, case, "contact", body, act)

    @router.post("/intake/forgetful")
    async def forgetful(request: Request):
        async def act(keep):
            keep(JSONResponse({}), IDENTITY.recipient)

        return await once(running, request, None, "contact", b"", act)


@pytest.fixture
async def http():
    running = Counted(service("intake", routed(add)))
    async with client(running) as one:
        one.running = running
        yield one


async def test_the_same_request_twice_is_done_once_and_answered_alike(http):
    first = await http.post("/intake/cases", content=b"{}", headers=KEY)
    again = await http.post("/intake/cases", content=b"{}", headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert http.running.done == 1


async def test_without_a_key_each_request_is_done(http):
    await http.post("/intake/cases", content=b"{}")
    await http.post("/intake/cases", content=b"{}")
    assert http.running.done == 2
    assert not http.running.kept


@pytest.mark.parametrize("change", [{"content": b"[]"}, {"params": {"a": "b"}}])
async def test_the_key_of_another_request_is_refused(http, change):
    await http.post("/intake/cases", content=b"{}", headers=KEY)
    answer = await http.post("/intake/cases", headers=KEY, **{"content": b"{}", **change})
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency-key-reused"
    assert http.running.done == 1


async def test_keys_of_different_sessions_and_cases_do_not_meet(http):
    url = f"/intake/cases/{CASE}/notes"
    for headers in (KEY, KEY | bearer(sub="holder-1"), KEY | bearer(sub="holder-2")):
        assert (await http.post(url, content=b"{}", headers=headers)).status_code == 201
    assert (await http.post("/intake/cases/other/notes", content=b"{}", headers=KEY)).status_code == 201
    assert http.running.done == 4


async def test_who_carries_the_session_of_the_first_answer_opens_no_second_case(http):
    first = await http.post("/intake/cases", content=b"{}", headers=KEY)
    again = await http.post("/intake/cases", content=b"{}", headers=KEY | bearer(sub="holder-1"))
    assert again.content == first.content
    assert http.running.done == 1


async def test_the_kept_answer_is_sealed_and_short_lived(http):
    told = (await http.post("/intake/cases", content=b'{"secret":"mot"}', headers=KEY)).json()
    (answer,) = http.running.kept.values()
    assert answer.sealed.startswith(f"{told['case']}/contact/YWdlLWVuY3J5cHRpb24")
    assert "mot" not in answer.body_hmac
    assert len(answer.body_hmac) == 64
    assert timedelta(hours=23) < answer.expires - clock.now() <= timedelta(hours=24)


async def test_an_answer_that_has_expired_is_not_given_again(http, monkeypatch):
    await http.post("/intake/cases", content=b"{}", headers=KEY)
    (answer,) = http.running.kept.values()
    http.running.kept.clear()
    expired = replace(answer, expires=clock.now())
    monkeypatch.setattr(http.running, "find", lambda *_: asyncio.sleep(0, expired))
    await http.post("/intake/cases", content=b"{}", headers=KEY)
    assert http.running.done == 2


@pytest.mark.parametrize("key", ["short", "", "x" * 101, "with spaces in it, and a comma"])
async def test_a_key_that_is_none_is_refused(http, key):
    answer = await http.post("/intake/cases", content=b"{}", headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency-key-malformed"
    assert answer.json()["field"] == "Idempotency-Key"


async def test_of_two_at_once_the_slower_gets_the_answer_of_the_faster(http, monkeypatch):
    first = await http.post("/intake/cases", content=b"{}", headers=KEY)
    found = []

    async def late(scope, key):
        found.append(key)
        return None if len(found) == 1 else await Running.find(http.running, scope, key)

    monkeypatch.setattr(http.running, "find", late)
    again = await http.post("/intake/cases", content=b"{}", headers=KEY)
    assert again.content == first.content
    assert http.running.done == 1


async def test_a_repeat_waits_for_the_same_request_under_way(http):
    http.running.hold_up()
    one, two, three = [asyncio.create_task(http.post("/intake/cases", content=b"{}", headers=KEY)) for _ in range(3)]
    await http.running.reached.wait()
    http.running.may_go_on.set()
    answers = await asyncio.gather(one, two, three)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert (http.running.begun, http.running.done) == (1, 1)


async def test_a_repeat_is_carried_out_when_the_first_fails(http):
    http.running.hold_up()
    http.running.crash = True
    one, two = [asyncio.create_task(http.post("/intake/cases", content=b"{}", headers=KEY)) for _ in range(2)]
    await http.running.reached.wait()
    http.running.may_go_on.set()
    assert [(await task).status_code for task in (one, two)] == [503, 503]
    assert http.running.begun == 2
    http.running.crash = False
    assert (await http.post("/intake/cases", content=b"{}", headers=KEY)).status_code == 201


async def test_a_request_that_failed_may_be_repeated(http):
    http.running.crash = True
    assert (await http.post("/intake/cases", content=b"{}", headers=KEY)).status_code == 503
    http.running.crash = False
    assert (await http.post("/intake/cases", content=b"{}", headers=KEY)).status_code == 201


async def test_an_answer_about_a_new_case_has_to_name_it(http):
    assert (await http.post("/intake/forgetful", headers=KEY)).status_code == 500
