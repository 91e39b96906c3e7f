from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import jinja2
import pytest
from starlette.requests import Request

from shared.money import Money
from shared.web.application import STATIC
from shared.web.language import language_of
from shared.web.pages import Pages
from tests.given import CASE

MAIN = """{% extends layout %}
{% block title %}{{ t("title") }}{% endblock %}
{% block main %}<h1>{{ t("hello", name=name) }}</h1>{{ day | day }} {{ at | moment }} {{ money | amount }}{% endblock %}
"""
TEXTS = """[fr]
title = "Un titre"
hello = "Bonjour {name}"
[en]
title = "A title"
hello = "Hello {name}"
"""


def request(path="/", query="", headers=(), scheme="http"):
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "scheme": scheme,
            "server": ("127.0.0.1", 8000),
        }
    )


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "texts.toml").write_text(TEXTS)
    (tmp_path / "page.html").write_text(MAIN)
    (tmp_path / "wrong.html").write_text("{{ absent }}")
    return Pages(tmp_path)


def shown(pages, asked=None, **context):
    values = {
        "name": "Zoé",
        "day": date(2026, 11, 23),
        "at": datetime(2026, 11, 23, 12, 5, tzinfo=UTC),
        "money": Money(cents=8000),
        **context,
    }
    return pages.render(asked or request(), "page.html", **values)


def test_a_page_speaks_french_first_with_paris_hours(pages):
    text = shown(pages).body.decode()
    assert '<html lang="fr">' in text
    assert "Bonjour Zoé" in text
    assert "lundi 23 novembre 2026" in text
    assert "13:05" in text
    assert "80,00\xa0€" in text


def test_the_switch_changes_the_language_and_remembers_it(pages):
    response = shown(pages, request(query="lang=en", scheme="https"))
    assert "Hello Zoé" in response.body.decode()
    assert "Monday, November 23, 2026" in response.body.decode()
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("recours_language=en;")
    assert "HttpOnly" in cookie
    assert "Secure" in cookie
    assert "set-cookie" not in shown(pages, request(query="lang=xx")).headers


@pytest.mark.parametrize(
    ("query", "headers", "language"),
    [
        ("", [], "fr"),
        ("", [("accept-language", "en-GB,fr;q=0.8")], "en"),
        ("", [("accept-language", "de, en;q=0.2, fr;q=0.9")], "fr"),
        ("", [("accept-language", "en;q=rubbish, fr;q=0.1")], "fr"),
        ("", [("accept-language", "de")], "fr"),
        ("", [("accept-language", "fr"), ("cookie", "recours_language=en")], "en"),
        ("lang=fr", [("cookie", "recours_language=en")], "fr"),
    ],
)
def test_the_language_is_what_was_asked_else_remembered_else_preferred(query, headers, language):
    assert language_of(request(query=query, headers=headers)) == language


def test_what_a_person_wrote_cannot_become_markup(pages):
    text = shown(pages, name="<script>alert(1)</script>").body.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_htmx_gets_the_main_part_alone_and_a_boosted_link_the_whole(pages):
    fragment = shown(pages, request(headers=[("hx-request", "true")]), next_step=("/x", "Suite")).body.decode()
    assert "<html" not in fragment
    assert "<title" not in fragment
    assert "Un titre" not in fragment
    assert "Bonjour" in fragment
    assert 'href="/x"' not in fragment
    boosted = shown(pages, request(headers=[("hx-request", "true"), ("hx-boosted", "true")])).body.decode()
    assert "<html" in boosted


def test_french_counts_the_first_of_a_month(pages):
    first = {"day": date(2027, 2, 1), "at": datetime(2027, 1, 1, 12, 5, tzinfo=UTC)}
    french = shown(pages, **first).body.decode()
    assert "lundi 1er février 2027" in french
    assert "1er janvier 2027, 13:05" in french
    assert "Monday, February 1, 2027" in shown(pages, request(query="lang=en"), **first).body.decode()
    assert "11 février" in shown(pages, day=date(2027, 2, 11)).body.decode()


@pytest.mark.parametrize(
    ("path", "home"),
    [
        (f"/evidence/cases/{CASE}", f"/cases/{CASE}"),
        (f"/cases/{CASE}/invitations", f"/cases/{CASE}"),
        ("/team/cases", "/team"),
        ("/guidance/victim", "/"),
    ],
)
def test_every_page_leads_home(pages, path, home):
    assert f'<a href="{home}">' in shown(pages, request(path)).body.decode()


def test_the_answer_to_a_form_is_not_left_for_another_language(pages):
    asked = Request({**request().scope, "method": "POST"})
    assert "lang=en" in shown(pages).body.decode()
    assert "lang=en" not in shown(pages, asked).body.decode()


def test_a_page_keeps_its_session_while_it_is_open(pages):
    with_session = shown(pages, request(headers=[("cookie", "recours_session=x")])).body.decode()
    assert 'data-renewal="/api/sessions/renew"' in with_session
    assert "/static/session.js" in with_session
    assert "/api/sessions/renew" not in shown(pages).body.decode()


def test_the_next_step_is_one_visible_link(pages):
    assert shown(pages, next_step=("/suite", "Continuer")).body.decode().count('class="next"') == 1
    assert 'class="next"' not in shown(pages).body.decode()


class Looking(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_a_page_asks_nothing_of_another_site_before_a_click_and_runs_nothing_inline(pages):
    looking = Looking()
    looking.feed(shown(pages).body.decode())
    for tag, attributes in looking.tags:
        fetched = [attributes.get("src"), attributes.get("href") if tag == "link" else None]
        assert all(one is None or one.startswith(("/static/", "data:,")) for one in fetched)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag != "style"
        assert tag != "script" or "src" in attributes


def test_the_quick_exit_is_on_every_page_and_works_without_script(pages):
    looking = Looking()
    looking.feed(shown(pages).body.decode())
    (link,) = [attributes for tag, attributes in looking.tags if attributes.get("id") == "quick-exit"]
    assert link["href"].startswith("https://")
    assert "noreferrer" in link["rel"]
    assert "location.replace" in (STATIC / "quick-exit.js").read_text()
    assert "fetch(" not in (STATIC / "quick-exit.js").read_text()


def test_htmx_keeps_no_page_and_evaluates_nothing(pages):
    text = shown(pages).body.decode()
    for wanted in ('"historyEnabled":false', '"allowEval":false', '"selfRequestsOnly":true'):
        assert wanted in text
    assert (STATIC / "htmx.min.js").stat().st_size > 40_000
    assert "Zero-Clause BSD" in (STATIC / "htmx.LICENSE.txt").read_text()


def test_a_missing_value_is_an_error_and_not_a_blank(pages):
    with pytest.raises(jinja2.UndefinedError):
        pages.render(request(), "wrong.html")


def test_texts_must_be_there_in_both_languages(tmp_path):
    (tmp_path / "texts.toml").write_text('[fr]\na = "x"\n[en]\nb = "y"\n')
    with pytest.raises(ValueError, match="a, b"):
        Pages(tmp_path)


def test_a_service_may_have_no_texts_of_its_own(tmp_path):
    (tmp_path / "page.html").write_text("{% extends layout %}")
    assert b"<title>Suivi</title>" in Pages(tmp_path).render(request(), "page.html").body


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_keep_the_contrast_of_wcag_aa_in_light_and_dark():
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", (STATIC / "recours.css").read_text(), re.DOTALL)
    ]
    assert len(palettes) == 2
    for palette in palettes:
        for text, ground, least in [
            ("ink", "paper", 7),
            ("ink", "shade", 7),
            ("soft", "paper", 4.5),
            ("act", "paper", 4.5),
            ("on-act", "act", 4.5),
            ("line", "paper", 3),
            ("focus", "paper", 3),
        ]:
            assert contrast(palette[text], palette[ground]) >= least, (text, ground)


def test_the_style_asks_nothing_of_another_site_and_respects_reduced_motion():
    style = (STATIC / "recours.css").read_text()
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-reduced-motion" in style
    assert ":focus-visible" in style
