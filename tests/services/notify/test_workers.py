from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.notify import workers
from services.notify.domain.outcomes import RecordFailed, RecordSent
from services.notify.domain.paging import PAGE
from services.notify.service import service
from services.notify.workers import page_team, send_mail, sending_failed
from shared import clock, mail
from shared.contracts.intake import CaseAssigned, CaseEscalated, ErasurePlanned
from shared.errors import Unavailable
from shared.runtime.declaration import Attempt, Impossible, Postponed
from shared.settings import Settings
from shared.trust.keyring import KeysDestroyed
from shared.trust.sealing import open_sealed
from tests.given import CASE, NOON
from tests.services.notify.cases import (
    ADDRESS,
    DAY,
    IDENTITY,
    a_case,
    deadline,
    granted,
    hearing,
    later,
    sealed_contact,
    told,
    updated,
)

OPENED = told("opened", "case")


class Running:
    """The service as its worker sees it, with one case."""

    def __init__(self, case, erased=False):
        self.case = case
        self.erased = erased
        self.settings = Settings(origin="https://espace.exemple.test", smtp_from="agenda@exemple.test")

    async def load(self, aggregate, key):
        assert (aggregate, key) == ("case", CASE)
        return self.case.state

    async def reveal(self, case, purpose, sealed):
        assert (case, purpose) == (CASE, "contact")
        if self.erased:
            raise KeysDestroyed("gone")
        return open_sealed(sealed, IDENTITY.secret)


@pytest.fixture
def posted(monkeypatch):
    taken = []

    async def post(mail, settings):
        taken.append(mail)

    monkeypatch.setattr(workers, "post", post)
    return taken


@pytest.fixture
def at(monkeypatch):
    def set_clock(instant):
        monkeypatch.setattr(clock, "now", lambda: instant)

    set_clock(NOON)
    return set_clock


def attempt(notification=OPENED, template="opened", number=1):
    return Attempt(
        id=f"notify/case/{CASE}#send-mail#{notification}",
        aggregate=f"notify/case/{CASE}",
        case=CASE,
        kind="send-mail",
        subject=notification,
        payload={"template": template, "hearing": None},
        number=number,
    )


async def impossible(case, one=None, **how):
    with pytest.raises(Impossible) as caught:
        await send_mail(one or attempt(), Running(case, **how))
    return caught.value.reason


async def test_a_mail_is_sent_to_the_sealed_address_and_recorded(at, posted):
    (command,) = await send_mail(attempt(), Running(a_case()))
    assert command == RecordSent(case=CASE, notification=OPENED, template="opened", sent_at=NOON)
    (mail,) = posted
    assert mail["To"] == ADDRESS
    assert "https://espace.exemple.test/" in mail.get_content()
    assert ADDRESS not in command.model_dump_json()


async def test_a_second_attempt_carries_the_same_message_id(at, posted):
    for number in (1, 2):
        await send_mail(attempt(number=number), Running(a_case()))
    first, second = posted
    assert first["Message-ID"] == second["Message-ID"]
    assert CASE not in first["Message-ID"]


@pytest.mark.parametrize(("wishes", "language"), [({}, "en"), ({"language": "fr"}, "fr")])
async def test_the_persons_language_counts_before_the_cases(at, posted, wishes, language):
    await send_mail(attempt(), Running(a_case(contact=sealed_contact(**wishes), language="en")))
    assert posted[0]["Content-Language"] == language


async def test_outside_the_persons_hours_it_is_put_off_until_they_begin(at, posted):
    case = a_case(contact=sealed_contact(after="18:00:00", before="21:00:00"))
    with pytest.raises(Postponed) as caught:
        await send_mail(attempt(), Running(case))
    assert caught.value.until == later(hours=5)
    assert not posted
    at(caught.value.until)
    assert await send_mail(attempt(), Running(case))


async def test_a_reminder_before_its_day_is_put_off(at, posted):
    week = told("hearing-week", f"hearing-1.{DAY}")
    with pytest.raises(Postponed) as caught:
        await send_mail(attempt(week, "hearing-week"), Running(a_case(hearing())))
    at(caught.value.until + timedelta(hours=12))
    assert await send_mail(attempt(week, "hearing-week"), Running(a_case(hearing())))
    assert not posted[0].is_multipart()


async def test_the_reminder_of_a_moved_hearing_is_not_sent(at, posted):
    week = told("hearing-week", f"hearing-1.{DAY}")
    moved = a_case(hearing(), hearing(status="moved", day=date(2027, 1, 11), revision=1))
    assert await impossible(moved, attempt(week, "hearing-week")) == "no-longer-due"


async def test_what_waited_too_long_is_not_sent(at, posted):
    at(later(days=7))
    assert await impossible(a_case()) == "too-late"


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"channel": "none"}, "not-wanted"),
        ({"email": None}, "no-address"),
        ({"email": "nonsense"}, "contact-unreadable"),
    ],
)
async def test_without_wish_or_address_nothing_is_sent(at, posted, wishes, reason):
    assert await impossible(a_case(contact=sealed_contact(**wishes))) == reason
    assert not posted


async def test_a_contact_sealed_for_another_is_unreadable(at, posted):
    assert await impossible(a_case(contact="YWdlLWVuY3J5cHRpb24")) == "contact-unreadable"


@pytest.mark.parametrize("fact", [granted(status="frozen"), ErasurePlanned(erasure="erasure-1")])
async def test_what_happened_since_it_was_planned_stops_it(at, posted, fact):
    assert await impossible(a_case(fact)) == "no-longer-due"


async def test_after_the_keys_are_gone_nothing_is_sent(at, posted):
    assert await impossible(a_case(), erased=True) == "no-longer-due"


async def test_a_hearing_comes_with_its_calendar_file(at, posted):
    scheduled = attempt(told("hearing-scheduled", "hearing-1.0"), "hearing-scheduled")
    await send_mail(scheduled, Running(a_case(hearing())))
    (part,) = list(posted[0].iter_attachments())
    assert part.get_content_type() == "text/calendar"


@pytest.mark.parametrize("details", [None, "YWdlLWVuY3J5cHRpb24"])
async def test_a_hearing_without_readable_details_is_told_all_the_same(at, posted, details):
    scheduled = attempt(told("hearing-scheduled", "hearing-1.0"), "hearing-scheduled")
    assert await send_mail(scheduled, Running(a_case(hearing(details=details))))
    assert not posted[0].is_multipart()


async def test_the_address_that_counts_is_the_latest(at, posted):
    await send_mail(attempt(), Running(a_case(updated(sealed_contact(email="neuve@example.org")))))
    assert posted[0]["To"] == "neuve@example.org"


async def test_a_relay_that_fails_leaves_the_mail_to_another_attempt(at, monkeypatch):
    async def post(mail, settings):
        raise Unavailable("later")

    monkeypatch.setattr(workers, "post", post)
    with pytest.raises(Unavailable):
        await send_mail(attempt(), Running(a_case()))


def test_a_final_failure_is_recorded_and_settles_the_job():
    case = a_case()
    command = sending_failed(attempt(), "address-refused")
    assert command == RecordFailed(case=CASE, notification=OPENED, template="opened", reason="address-refused")
    assert len(case.when(command)) == 1
    case.jobs.clear()
    case.at()
    assert case.jobs == []


def test_the_sending_declares_that_a_double_shows_as_one():
    worker = service.worker("send-mail")
    assert worker.policy == "at-least-once"
    assert worker.given_up is sending_failed


DANGER = CaseEscalated(escalation="danger-1", reason="danger")
OPERATORS = ("astreinte@exemple.test", "relais@exemple.test")


class Paging(Running):
    def __init__(self, case, operators=OPERATORS):
        super().__init__(case)
        self.settings = self.settings.model_copy(update={"operators": operators})

    async def reveal(self, case, purpose, sealed):
        raise AssertionError("a page to the team opens nothing that is sealed")


@pytest.fixture
def team(monkeypatch):
    taken = []

    async def post(one, settings):
        taken.append(one)

    monkeypatch.setattr(mail, "post", post)
    return taken


def paging(case, now=NOON):
    """The attempt at the page that the case asks for."""
    case.jobs.clear()
    case.at(now)
    (job,) = [one for one in case.jobs if one.kind == PAGE]
    return Attempt(
        id=f"notify/case/{CASE}#{PAGE}#{job.subject}",
        aggregate=f"notify/case/{CASE}",
        case=CASE,
        kind=PAGE,
        subject=job.subject,
        payload=job.payload,
        number=1,
    )


async def test_a_danger_is_paged_to_every_operator_with_the_way_to_take_it(at, team):
    case = a_case(DANGER)
    one = paging(case)
    (command,) = await page_team(one, Paging(case))
    assert command == RecordSent(case=CASE, notification=one.subject, template="team-danger", sent_at=NOON)
    assert [page["To"] for page in team] == list(OPERATORS)
    assert f"https://espace.exemple.test/notify/cases/{CASE}/pages/danger-1" in team[0].get_content()


async def test_a_page_says_nothing_of_the_person(at, team):
    await page_team(paging(case := a_case(DANGER)), Paging(case))
    for word in (ADDRESS, "Durand", "Marie"):
        assert word not in team[0].as_string()


async def test_a_deadline_is_paged_with_its_last_day(at, team):
    await page_team(paging(case := a_case(deadline())), Paging(case))
    assert "14 décembre 2026" in team[0].get_content()


async def test_a_second_attempt_at_a_page_shows_as_the_same_mail(at, team):
    case = a_case(DANGER)
    for _ in range(2):
        await page_team(paging(case), Paging(case))
    assert [page["Message-ID"] for page in team[:2]] == [page["Message-ID"] for page in team[2:]]


async def test_without_operators_the_page_fails_visibly_and_the_next_one_is_asked_for(at, team):
    case = a_case(DANGER)
    one = paging(case)
    with pytest.raises(Impossible) as caught:
        await page_team(one, Paging(case, operators=()))
    assert caught.value.reason == "no-operator"
    (failed,) = case.when(sending_failed(one, caught.value.reason))
    assert (failed.template, failed.reason) == ("team-danger", "no-operator")
    assert paging(case).subject != one.subject


async def test_a_page_that_somebody_took_meanwhile_is_not_sent(at, team):
    case = a_case(DANGER)
    one = paging(case)
    case.facts(CaseAssigned(role="lawyer", staff="paul"))
    with pytest.raises(Impossible) as caught:
        await page_team(one, Paging(case))
    assert caught.value.reason == "no-longer-due"
    assert not team


async def test_a_page_waits_for_its_hour_and_leaves_the_word_to_the_next_one(at, team):
    case = a_case(DANGER)
    first = paging(case)
    case.when(RecordSent(case=CASE, notification=first.subject, template="team-danger", sent_at=NOON))
    second = paging(case)
    with pytest.raises(Postponed) as waiting:
        await page_team(second, Paging(case))
    assert waiting.value.until == later(minutes=15)
    at(later(minutes=30))
    with pytest.raises(Impossible) as caught:
        await page_team(second, Paging(case))
    assert caught.value.reason == "too-late"
    assert not team


def test_paging_declares_that_a_double_shows_as_one():
    worker = service.worker(PAGE)
    assert worker.policy == "at-least-once"
    assert worker.given_up is sending_failed
