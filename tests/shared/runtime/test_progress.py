"""How far a member has read: horizons from watermarks, without a call to the bus."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiokafka import TopicPartition

from shared.runtime.progress import CURRENT, FLIGHT, Progress

OPENED, UPDATED = TopicPartition("opened", 0), TopicPartition("updated", 0)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Bus:
    """Watermarks as aiokafka tells them: seen ``polled`` (aware UTC)."""

    def __init__(self) -> None:
        self.marks = {OPENED: 0, UPDATED: 0}
        self.polled: dict[TopicPartition, datetime | None] = {OPENED: NOON, UPDATED: NOON}

    def assignment(self):
        return set(self.marks)

    def highwater(self, partition):
        return self.marks[partition]

    def last_poll_timestamp(self, partition):
        polled = self.polled[partition]
        return None if polled is None else int(polled.timestamp() * 1000)


def test_the_horizon_is_the_oldest_sighting_less_the_flight_of_its_answer():
    bus, progress = Bus(), Progress()
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 0)
    bus.polled[UPDATED] = NOON + timedelta(seconds=7)
    progress.observe(bus)
    assert progress.horizon(0) == NOON - FLIGHT
    assert progress.live() == [0]


def test_a_partition_is_catching_up_until_every_topic_was_seen_and_stored_up_to_its_mark():
    bus, progress = Bus(), Progress()
    bus.marks = {OPENED: 5, UPDATED: 3}
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 3)
    progress.observe(bus)
    assert progress.horizon(0) is None
    progress.stored({OPENED: 4})
    progress.observe(bus)
    assert progress.horizon(0) is None
    progress.stored({OPENED: 5})
    progress.observe(bus)
    assert progress.horizon(0) == NOON - FLIGHT
    bus.polled[UPDATED] = None
    again = Progress()
    again.assigned(OPENED, 5)
    again.assigned(UPDATED, 3)
    again.observe(bus)
    assert again.horizon(0) is None


def test_events_that_come_after_a_reading_do_not_keep_its_horizon_back():
    bus, progress = Bus(), Progress()
    bus.marks = {OPENED: 5, UPDATED: 0}
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 0)
    progress.observe(bus)
    bus.marks[OPENED] = 900
    progress.stored({OPENED: 5})
    progress.observe(bus)
    assert progress.horizon(0) == NOON - FLIGHT


def test_the_same_sighting_never_moves_a_horizon_twice():
    bus, progress = Bus(), Progress()
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 0)
    progress.observe(bus)
    progress.observe(bus)
    assert progress.horizon(0) == NOON - FLIGHT
    bus.polled = dict.fromkeys(bus.polled, NOON + timedelta(seconds=3))
    progress.observe(bus)
    progress.observe(bus)
    assert progress.horizon(0) == NOON + timedelta(seconds=3) - FLIGHT


def test_what_was_stored_while_the_start_was_being_asked_for_counts():
    bus, progress = Bus(), Progress()
    bus.marks = {OPENED: 5, UPDATED: 0}
    progress.stored({OPENED: 5})  # the batch ends before the answer "starts at 0" is here
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 0)
    progress.observe(bus)
    assert progress.horizon(0) == NOON - FLIGHT


def test_a_revoked_partition_has_no_horizon_until_it_has_caught_up_again():
    bus, progress = Bus(), Progress()
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 0)
    progress.observe(bus)
    progress.revoked([OPENED, UPDATED])
    assert progress.horizon(0) is None
    assert not progress.known(OPENED)
    bus.marks[OPENED] = 4
    progress.assigned(OPENED, 2)
    progress.assigned(UPDATED, 0)
    progress.observe(bus)
    assert progress.horizon(0) is None
    assert progress.next_offset(OPENED) == 2


def test_a_partition_far_behind_again_is_not_current():
    bus, progress = Bus(), Progress()
    progress.assigned(OPENED, 0)
    progress.assigned(UPDATED, 0)
    assert not progress.current(0, NOON)
    progress.observe(bus)
    assert progress.current(0, NOON + timedelta(seconds=5))
    assert not progress.current(0, NOON + CURRENT)


def test_lag_counts_what_is_on_the_bus_and_not_stored():
    bus, progress = Bus(), Progress()
    bus.marks = {OPENED: 10, UPDATED: 4}
    progress.assigned(OPENED, 7)
    progress.assigned(UPDATED, 4)
    assert progress.lag(bus) == {0: 3}
