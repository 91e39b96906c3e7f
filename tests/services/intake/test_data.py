from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from services.intake import codes
from services.intake.account import hashed, hashed_passphrase, stamp_of, verified, with_secrets
from services.intake.domain.commands import DestructionFailed
from services.intake.domain.triage import ACT_KINDS
from services.intake.guides import read_guides
from services.intake.numbers import numbers_for, read_numbers
from services.intake.pages import DANGERS, GROUNDS
from services.intake.referrals import read_partners, referrals
from services.intake.roster import Roster, read_roster
from services.intake.service import service
from services.intake.tools import client_of
from services.legal.rules.vocabulary import ActKind
from shared.contracts.sealed import Account, Secrets, read_sealed
from shared.errors import Refused
from shared.runtime.declaration import Attempt
from tests.services.intake import cases

MORNING = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
TEXTS = tomllib.loads((Path("services/intake/templates") / "texts.toml").read_text("utf-8"))


class TestNumbers:
    def test_the_number_made_for_the_danger_comes_first(self):
        numbers = read_numbers()
        assert numbers_for(numbers, {"suicide"}, MORNING)[0].number == "3114"
        assert numbers_for(numbers, {"sextortion"}, MORNING)[0].number == "3018"
        assert numbers_for(numbers, {"child"}, NIGHT)[0].number == "119"

    def test_without_a_danger_all_are_there_and_those_that_answer_come_first(self):
        numbers = read_numbers()
        at_night = numbers_for(numbers, (), NIGHT)
        assert len(at_night) == len(numbers.number)
        assert [one.open_at(NIGHT) for one in at_night] == sorted(
            (one.open_at(NIGHT) for one in at_night), reverse=True
        )

    def test_hours_are_those_of_paris_and_end_on_time(self):
        three = next(one for one in read_numbers().number if one.id == "3018")
        assert three.open_at(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
        assert not three.open_at(datetime(2026, 11, 23, 7, 59, tzinfo=UTC))
        assert not three.open_at(datetime(2026, 11, 23, 22, 0, tzinfo=UTC))
        assert three.open_at(datetime(2026, 7, 1, 7, 0, tzinfo=UTC))


class TestReferrals:
    @pytest.mark.parametrize(
        ("ground", "partner"),
        [
            ("sexual-orientation", "sos-homophobie"),
            ("origin", "licra"),
            ("antisemitism", "crif"),
            ("elected-office", "amf"),
        ],
    )
    def test_each_ground_has_its_partner(self, ground, partner):
        assert [one.id for one in referrals(read_partners(), cases.facets(), ground, "victim")] == [partner]

    def test_minors_pupils_and_guardians_are_led_to_3018(self):
        partners = read_partners()
        assert [one.id for one in referrals(partners, cases.facets(minor=True), None, "victim")] == ["3018"]
        assert [one.id for one in referrals(partners, None, None, "witness", school=True)] == ["3018"]
        assert [one.id for one in referrals(partners, None, None, "guardian")] == ["3018"]

    def test_nothing_fitting_is_nobody(self):
        assert referrals(read_partners(), cases.facets(), "sex", "victim") == ()


class TestRoster:
    ROSTER = Roster.model_validate(
        {"shift": [{"staff": "claire", "days": ["mon"], "hours": ["09:00", "12:00"], "to": "2026-12-31"}]}
    )

    def test_ours_is_empty_and_says_that_nobody_is_there(self, monkeypatch):
        monkeypatch.delenv("RECOURS_ROSTER", raising=False)
        roster = read_roster()
        assert roster.on_call(MORNING) is None
        assert roster.next_presence(MORNING) is None

    def test_a_shift_holds_on_its_day_and_hours_in_paris(self):
        assert self.ROSTER.on_call(MORNING) == "claire"
        assert self.ROSTER.on_call(NIGHT) is None
        assert self.ROSTER.on_call(datetime(2026, 11, 24, 9, 30, tzinfo=UTC)) is None
        assert self.ROSTER.on_call(datetime(2027, 1, 4, 9, 30, tzinfo=UTC)) is None

    def test_the_next_presence_is_the_next_start(self):
        assert self.ROSTER.next_presence(NIGHT) == datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
        assert self.ROSTER.next_presence(datetime(2026, 12, 28, 12, 0, tzinfo=UTC)) is None

    def test_a_file_of_the_deployment_replaces_it(self, tmp_path, monkeypatch):
        file = tmp_path / "roster.toml"
        file.write_text('[[shift]]\nstaff = "paul"\ndays = ["mon"]\nhours = ["09:00", "12:00"]\n')
        monkeypatch.setenv("RECOURS_ROSTER", str(file))
        monkeypatch.setenv("RECOURS_OPERATORS", "astreinte@example.org")
        assert read_roster().on_call(MORNING) == "paul"

    def test_a_roster_that_promises_somebody_whom_nothing_tells_is_refused(self, tmp_path, monkeypatch):
        file = tmp_path / "roster.toml"
        file.write_text('[[shift]]\nstaff = "paul"\ndays = ["mon"]\nhours = ["09:00", "12:00"]\n')
        monkeypatch.delenv("RECOURS_OPERATORS", raising=False)
        with pytest.raises(Refused, match="RECOURS_OPERATORS"):
            read_roster(file)

    @pytest.mark.parametrize("text", ["no toml at all [", '[[shift]]\nstaff = "paul"', "[[shift]]\nnight = true"])
    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path, text):
        file = tmp_path / "roster.toml"
        file.write_text(text)
        with pytest.raises(Refused, match="RECOURS_ROSTER"):
            read_roster(file)

    def test_a_shift_that_ends_before_it_begins_and_an_absent_file_are_refused(self, tmp_path):
        file = tmp_path / "roster.toml"
        with pytest.raises(Refused):
            read_roster(file)
        file.write_text('[[shift]]\nstaff = "paul"\ndays = ["mon"]\nhours = ["22:00", "06:00"]\n')
        with pytest.raises(Refused):
            read_roster(file)


class TestCodes:
    @given(st.data())
    def test_a_code_is_read_however_it_is_typed(self, data):
        code = codes.draw()
        typed = code.written()
        lower = data.draw(st.sampled_from([str.lower, str.upper, lambda text: text.replace("-", " ")]))
        assert codes.read(lower(typed)) == code
        assert codes.read(typed.removeprefix("RECOURS-").replace("0", "o").replace("1", "l")) == code

    @given(st.integers(0, 19), st.sampled_from(codes.ALPHABET))
    def test_every_single_slip_shows(self, place, other):
        typed = list(codes.draw().written().removeprefix("RECOURS-").replace("-", ""))
        if typed[place] == other:
            return
        typed[place] = other
        with pytest.raises(Refused) as caught:
            codes.read("".join(typed))
        assert caught.value.code == "code-mistyped"

    @pytest.mark.parametrize("text", ["", "RECOURS", "é" * 20, "A" * 19, "A" * 21, "*" * 20])
    def test_what_is_no_code_is_refused(self, text):
        with pytest.raises(Refused):
            codes.read(text)

    def test_the_index_of_a_locator_needs_the_pepper(self):
        locator = codes.draw().locator
        assert codes.blind_index(locator, "a") != codes.blind_index(locator, "b")
        assert len(codes.blind_index(locator, "a")) == 64


class TestAccount:
    async def test_a_secret_is_kept_as_a_slow_hash_and_verified(self, quick_secrets):
        kept = await hashed("secret")
        assert kept.startswith("$argon2id$")
        assert await verified(kept, "secret")
        assert not await verified(kept, "Secret")
        assert not await verified(None, "nobody has this secret")
        account = with_secrets(Account(accesses={}), "a", Secrets(code=kept))
        assert read_sealed(Account, account.content()) == account

    @pytest.mark.parametrize("passphrase", ["court", "x" * 1025])
    async def test_a_passphrase_has_a_length(self, passphrase):
        with pytest.raises(Refused, match="at least 10"):
            await hashed_passphrase(passphrase)

    def test_what_is_renewed_changes_with_either_secret(self):
        one = Secrets(code="$argon2id$a")
        assert stamp_of(one) != stamp_of(one.model_copy(update={"passphrase": "$argon2id$b"}))


class TestTexts:
    def test_guides_have_both_languages_and_wait_for_a_lawyer(self):
        guides = read_guides()
        told = [*guides.personas.values(), *guides.articles.values()]
        assert len(told) == 8
        assert all(one.told("en") != one.told("fr") for one in told)

    def test_no_text_blames_or_promises(self):
        said = str(read_guides()).lower()
        for word in (
            "complice de",
            "arrêt immédiat garanti",
            "vous auriez dû",
            "you should have",
            "anonymat n’est pas",
        ):
            assert word not in said

    def test_every_word_that_a_page_may_show_has_a_text(self):
        words = {f"kind_{one}" for one in ACT_KINDS} | {f"ground_{one}" for one in GROUNDS}
        words |= {f"danger_{one}" for one in DANGERS}
        assert words <= TEXTS["fr"].keys() == TEXTS["en"].keys()

    def test_acts_are_named_as_legals_rules_name_them(self):
        assert set(ACT_KINDS) == {kind.value for kind in ActKind}


def test_attempts_are_counted_by_what_the_gateway_added_last():
    def request(headers, client=("10.0.0.1", 1)):
        return Request({"type": "http", "headers": headers, "client": client})

    assert client_of(request([(b"x-forwarded-for", b"6.6.6.6, 192.0.2.7")])) == "192.0.2.7"
    assert client_of(request([])) == "10.0.0.1"
    assert client_of(request([], None)) == "unknown"


def test_a_destruction_given_up_asks_for_a_human():
    attempt = Attempt("j", "intake/case/c", "c", "destroy-keys", "e1", {}, 200)
    assert service.worker("destroy-keys").given_up(attempt, "unavailable") == DestructionFailed(case="c", erasure="e1")
