from __future__ import annotations

from services.intake.domain import commands as asked
from services.intake.domain.people import MOST_ACCESSES
from tests.given import CASE
from tests.services.intake import cases
from tests.services.intake.histories import (
    GUARDIAN,
    absent,
    given,
    names,
    refused,
)


class TestPeople:
    def test_somebody_invited_sees_the_case_once_they_accepted(self):
        one = given(cases.opening())
        assert names(one.when(cases.invitation())) == ["case-updated", "access-granted"]
        assert one.state.file.role_of(cases.WITNESS) is None
        one.when(cases.acceptance())
        assert one.state.file.role_of(cases.WITNESS) == "witness"
        assert one.when(cases.acceptance()) == ()
        assert one.when(cases.invitation()) == ()

    def test_the_wrong_holder_cannot_accept(self):
        one = given(cases.opening(), cases.invitation())
        absent(one, cases.acceptance(holder="another"))
        absent(one, cases.acceptance(access=cases.THIRD))

    def test_a_victim_invites_no_second_victim(self):
        refused(given(cases.opening()), cases.invitation(role="victim"), "role-not-yours")

    def test_the_team_invites_no_second_victim_either(self):
        one = given(cases.opening(), cases.assignment())
        refused(one, cases.invitation(cases.STAFF, "victim"), "victim-is-here")

    def test_of_two_invited_victims_the_first_to_accept_has_the_case(self):
        one = given(cases.opening("institution", holder="school"))
        one.when(cases.invitation("school", "victim", holder="first"))
        one.when(cases.invitation("school", "victim", access=cases.THIRD, holder="second", account_seen=3))
        one.when(cases.acceptance(holder="first"))
        refused(one, cases.acceptance(cases.THIRD, "second"), "victim-is-here")

    def test_a_witness_may_only_ask_the_person_concerned_to_take_over(self):
        one = given(cases.opening("witness"))
        problem = refused(one, cases.invitation(role="institution"), "role-not-yours")
        assert "victim" in str(problem)

    def test_a_guardian_who_accepts_waits_for_the_check(self):
        one = given(cases.opening(), cases.assignment())
        one.when(cases.invitation(role="guardian", holder=GUARDIAN))
        check = asked.CheckAuthority(case=CASE, by=cases.STAFF, access=cases.OTHER)
        refused(one, check, "no-guardian")
        assert one.when(cases.acceptance(holder=GUARDIAN))[0].role == "witness"
        one.when(check)
        assert one.state.file.role_of(GUARDIAN) == "guardian"

    def test_a_witness_is_never_made_a_guardian(self):
        one = given(cases.opening(), cases.assignment(), cases.invitation(), cases.acceptance())
        refused(one, asked.CheckAuthority(case=CASE, by=cases.STAFF, access=cases.OTHER), "no-guardian")

    def test_an_invitation_made_from_old_secrets_is_refused(self):
        refused(given(cases.opening()), cases.invitation(account_seen=0), "changed-meanwhile")

    def test_a_case_takes_so_many_people_and_no_more(self):
        one = given(cases.opening())
        for number in range(MOST_ACCESSES - 1):
            access, seen = f"{number:064x}", one.state.account_at
            one.when(cases.invitation(access=access, holder=f"h{number}", account_seen=seen))
        refused(one, cases.invitation(account_seen=one.state.account_at), "too-many-people")

    def test_revoking_is_final_and_repeatable(self):
        one = given(cases.opening(), cases.invitation(), cases.acceptance())
        revoke = asked.Revoke(case=CASE, by=cases.VICTIM, access=cases.OTHER)
        assert names(one.when(revoke)) == ["access-revoked"]
        assert one.when(revoke) == ()
        assert one.state.file.role_of(cases.WITNESS) is None
        absent(one, cases.acceptance())

    def test_a_witness_may_leave_and_send_nobody_away(self):
        one = given(cases.opening(), cases.invitation(), cases.acceptance())
        absent(one, asked.Revoke(case=CASE, by=cases.WITNESS, access=cases.LOCATOR))
        assert one.when(asked.Revoke(case=CASE, by=cases.WITNESS, access=cases.OTHER))[0].reason == "left"

    def test_the_person_keeps_their_own_access(self):
        refused(given(cases.opening()), asked.Revoke(case=CASE, by=cases.VICTIM, access=cases.LOCATOR), "last-one")

    def test_not_safe_with_this_person_freezes_and_says_nothing(self):
        one = given(cases.opening(), cases.invitation(role="guardian", holder=GUARDIAN))
        one.when(cases.acceptance(holder=GUARDIAN))
        freeze = asked.Freeze(case=CASE, by=cases.VICTIM, access=cases.OTHER)
        events = one.when(freeze)
        assert [(event.name, event.status) for event in events] == [("access-granted", "frozen")]
        assert one.state.file.role_of(GUARDIAN) is None
        assert one.when(freeze) == ()
        absent(one, cases.acceptance(holder=GUARDIAN))

    def test_nobody_freezes_themselves(self):
        refused(given(cases.opening()), asked.Freeze(case=CASE, by=cases.VICTIM, access=cases.LOCATOR), "not-yourself")

    def test_a_part_of_the_case_goes_to_one_member_at_a_time(self):
        one = given(cases.opening())
        assert names(one.when(cases.assignment())) == ["case-assigned"]
        assert one.when(cases.assignment()) == ()
        assert one.when(cases.assignment("paul"))[0].staff == "paul"

    def test_whoever_is_a_party_of_the_case_does_not_work_on_it(self):
        refused(given(cases.opening(holder=cases.STAFF)), cases.assignment(), "two-sides")

    def test_identity_is_proven_once_and_only_of_who_has_taken_over(self):
        prove = asked.ProveIdentity(case=CASE, by=cases.STAFF, means="in-person")
        refused(given(cases.opening("witness"), cases.assignment()), prove, "not-taken-over")
        one = given(cases.opening(), cases.assignment())
        assert names(one.when(prove)) == ["identity-proven"]
        assert one.when(prove) == ()
        absent(given(cases.opening()), prove)
