from __future__ import annotations

import json
import logging
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.errors import BrokenSignature, Held, NotFound, RecoursError, Refused, Unavailable
from shared.settings import Settings
from shared.trust.keyring import KeysDestroyed
from shared.web.application import application
from shared.web.bodies import LIMIT, streamed, whole
from tests.shared.web.stand_in import Running, client, routed, service

SECRET = "marie.durand@example.org"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    age: int
    colour: Literal["red"] = "red"


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: Inner
    name: Annotated[str, Field(max_length=5)] = ""

    @field_validator("name")
    @classmethod
    def _checked(cls, value: str) -> str:
        if value == "echo":
            raise ValueError(f"{value} is not welcome")
        return value


def add(router: APIRouter, running: Any) -> None:
    raised = {
        "refused": Refused("too-late", "Ask again tomorrow.", field="day"),
        "conflict": Refused("taken", "Choose another.", conflict=True),
        "absent": NotFound(),
        "unavailable": Unavailable("Try again.", retry_after=7),
        "held": Held("Wait for an operator."),
        "broken": BrokenSignature("Sign it again."),
        "destroyed": KeysDestroyed("Nothing can be read."),
        "ours": RecoursError(SECRET),
        "bug": ValueError(SECRET),
        "gateway": HTTPException(502, SECRET),
    }

    @router.get("/legal/api/raise/{name}")
    @router.get("/legal/raise/{name}")
    async def raising(name: str) -> Response:
        raise raised[name]

    @router.post("/legal/api/forms")
    async def forms(form: Form) -> dict[str, str]:
        return {"name": form.name}

    @router.post("/legal/api/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": len(await whole(request))}

    @router.post("/legal/api/files")
    async def files(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(chunk) async for chunk in streamed(request, 2 * LIMIT)])}

    @router.get("/legal/page")
    async def page() -> Response:
        return HTMLResponse("<p>page</p>")

    @router.get("/legal/half")
    async def half() -> Response:
        async def chunks():
            yield b"half"
            raise ValueError(SECRET)

        return StreamingResponse(chunks())


@pytest.fixture
async def legal():
    async with client(Running(service("legal", routed(add)))) as http:
        yield http


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("refused", 422, "too-late"),
        ("conflict", 409, "taken"),
        ("absent", 404, "not-found"),
        ("unavailable", 503, "unavailable"),
        ("held", 503, "held"),
        ("broken", 400, "broken-signature"),
        ("destroyed", 410, "keys-destroyed"),
    ],
)
async def test_each_error_has_its_status_and_a_stable_code(legal, name, status, code):
    answer = await legal.get(f"/legal/api/raise/{name}")
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["type"] == f"urn:recours:problem:{code}"
    assert answer.json()["detail"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_refusal_names_its_field_and_what_to_do(legal):
    problem = (await legal.get("/legal/api/raise/refused")).json()
    assert problem["field"] == "day"
    assert problem["detail"] == "Ask again tomorrow."


async def test_unavailable_says_when_to_come_back(legal):
    assert (await legal.get("/legal/api/raise/unavailable")).headers["retry-after"] == "7"


@pytest.mark.parametrize("name", ["bug", "ours", "gateway"])
async def test_an_unexpected_error_shows_and_logs_nothing_of_its_message(legal, caplog, name):
    with caplog.at_level(logging.DEBUG):
        answer = await legal.get(f"/legal/api/raise/{name}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "failed"
    assert SECRET not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_answer_that_has_begun_is_cut_rather_than_completed(legal):
    with pytest.raises(ValueError, match=SECRET):
        await legal.get("/legal/half")


async def test_a_wrong_field_is_named_and_its_value_not_echoed(legal):
    answer = await legal.post("/legal/api/forms", json={"inner": {"age": SECRET}})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid-field"
    assert problem["field"] == "inner.age"
    assert problem["errors"][0]["field"] == "inner.age"
    assert SECRET not in answer.text


async def test_a_validator_that_quotes_its_input_is_not_quoted(legal):
    answer = await legal.post("/legal/api/forms", json={"inner": {"age": 3}, "name": "echo"})
    assert answer.json()["field"] == "name"
    assert "echo" not in answer.text


async def test_an_unknown_field_is_refused_without_repeating_what_is_no_name(legal):
    answer = await legal.post("/legal/api/forms", json={"inner": {"age": 3}, SECRET: 1})
    assert answer.status_code == 422
    assert answer.json()["field"] == "(unknown)"
    assert SECRET not in answer.text


async def test_what_is_no_json_is_said_to_be_none(legal):
    answer = await legal.post("/legal/api/forms", content=b'{"inner":', headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "unreadable-json"


@pytest.mark.parametrize("path", ["/legal/api/forms", "/legal/api/raw"])
async def test_a_body_over_64_kb_is_refused_with_413(legal, path):
    answer = await legal.post(path, content=b" " * (LIMIT + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too-large"


@pytest.mark.parametrize("path", ["/legal/api/forms", "/legal/api/raw", "/legal/api/files"])
async def test_a_body_without_declared_length_is_counted_as_it_comes(legal, path):
    async def chunks():
        for _ in range(5):
            yield b" " * (LIMIT // 2)

    answer = await legal.post(path, content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_exactly_64_kb_is_taken(legal):
    assert (await legal.post("/legal/api/raw", content=b" " * LIMIT)).json() == {"bytes": LIMIT}


async def test_a_route_that_takes_files_sets_its_own_limit(legal):
    assert (await legal.post("/legal/api/files", content=b" " * (2 * LIMIT))).json() == {"bytes": 2 * LIMIT}


async def test_every_answer_forbids_what_is_not_ours(legal):
    for path in ("/legal/page", "/legal/absent", "/legal/api/raise/bug"):
        headers = (await legal.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers


async def test_https_is_asked_for_where_the_public_address_has_it():
    running = Running(service("legal", routed(add)), settings=Settings(origin="https://recours.example"))
    async with client(running) as http:
        assert "max-age" in (await http.get("/legal/page")).headers["strict-transport-security"]


async def test_only_billing_may_lead_to_the_page_that_pays():
    async with client(Running(service("billing", routed(add)))) as http:
        assert (
            "form-action 'self' https://checkout.stripe.com;"
            in (await http.get("/legal/page")).headers["content-security-policy"]
        )
    async with client(Running(service("legal", routed(add)))) as http:
        assert "form-action 'self';" in (await http.get("/legal/page")).headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ],
)
async def test_a_form_on_another_site_cannot_act_here(legal, headers):
    answer = await legal.post("/legal/api/raw", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["code"] == "foreign-origin"


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "http://127.0.0.1:8000"}],
)
async def test_our_pages_and_programs_may_act(legal, headers):
    assert (await legal.post("/legal/api/raw", headers=headers)).status_code == 200


async def test_our_page_may_act_under_another_name_of_the_host(legal):
    answer = await legal.post("/legal/api/raw", headers={"origin": "http://localhost:9", "host": "localhost:9"})
    assert answer.status_code == 200


async def test_a_link_from_another_site_may_be_followed(legal):
    assert (await legal.get("/legal/page", headers={"sec-fetch-site": "cross-site"})).status_code == 200


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(legal):
    assert (await legal.get("/legal/api/absent")).json()["code"] == "not-found"
    wrong = await legal.get("/legal/api/forms")
    assert wrong.status_code == 405
    assert wrong.json()["code"] == "method-not-allowed"
    assert "POST" in wrong.headers["allow"]


async def test_a_person_gets_a_page_in_their_language(legal):
    page = await legal.get("/legal/raise/unavailable", headers={"accept": "text/html"})
    assert page.status_code == 503
    assert page.headers["retry-after"] == "7"
    assert page.headers["content-type"].startswith("text/html")
    assert "Momentanément indisponible" in page.text
    assert '<meta http-equiv="refresh" content="7">' in page.text
    english = await legal.get("/legal/raise/absent?lang=en", headers={"accept": "text/html"})
    assert "There is nothing here for you" in english.text


async def test_a_page_repeats_what_the_domain_refused_to_who_reads_its_language(legal):
    page = await legal.get("/legal/raise/refused?lang=en", headers={"accept": "text/html"})
    assert page.status_code == 422
    assert "Ask again tomorrow." in page.text
    french = await legal.get("/legal/raise/refused?lang=fr", headers={"accept": "text/html"})
    assert "Ask again" not in french.text
    assert "Revenez en arrière, corrigez" in french.text


async def test_the_api_answers_problems_even_to_a_browser(legal):
    answer = await legal.get("/legal/api/raise/absent", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_description_lies_under_the_services_own_api(legal):
    described = (await legal.get("/legal/api/openapi.json")).json()
    assert "/legal/api/forms" in described["paths"]
    assert "Problem" in described["components"]["schemas"]
    default = described["paths"]["/legal/api/forms"]["post"]["responses"]["default"]
    assert list(default["content"]) == ["application/problem+json"]
    assert (await legal.get("/legal/api/openapi.json")).json() == described
    async with client(Running(service("intake", routed(add)))) as intake:
        assert (await intake.get("/api/openapi.json")).status_code == 200


async def test_no_page_of_a_foreign_documentation_tool_is_served(legal):
    assert (await legal.get("/docs")).status_code == 404


async def test_the_front_serves_the_vendored_files_and_the_others_do_not(legal):
    async with client(Running(service("intake", routed(add)))) as intake:
        for name in ("htmx.min.js", "htmx.LICENSE.txt", "recours.css", "quick-exit.js", "sections.js"):
            answer = await intake.get(f"/static/{name}")
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=3600"
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await intake.get("/static/../pages.py")).status_code == 404
    assert (await legal.get("/static/recours.css")).status_code == 404


async def test_further_routes_are_matched_first():
    async def health(_request):
        return PlainTextResponse("alive")

    running = Running(service("legal", routed(add)))
    async with client(running, extra_routes=(Route("/healthz", health), Route("/legal/page", health))) as http:
        assert (await http.get("/healthz")).text == "alive"
        assert (await http.get("/legal/page")).text == "alive"


async def test_a_service_without_routes_still_answers():
    async with client(Running(service("legal", None))) as http:
        assert json.loads((await http.get("/legal/api/openapi.json")).text)["info"]["title"] == "recours legal"


async def test_what_is_no_http_request_passes_untouched():
    app, sent = application(Running(service("legal", None))), []
    received = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(received)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_body_that_says_it_is_too_large_is_refused_before_a_byte_of_it_is_read():
    app, sent = application(Running(service("legal", routed(add)))), []

    async def receive():
        raise AssertionError("the body was read")

    async def send(message):
        sent.append(message)

    headers = [(b"content-length", str(LIMIT + 1).encode()), (b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": "POST", "path": "/legal/api/raw", "query_string": b"", "headers": headers}
    await app(scope | {"scheme": "http", "server": ("127.0.0.1", 80), "root_path": ""}, receive, send)
    assert sent[0]["status"] == 413
