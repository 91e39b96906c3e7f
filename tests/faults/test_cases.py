"""The fault matrix, on real processes: what is hard on one case (order, heat, poison, a slow clock) harms no other."""

from __future__ import annotations

import asyncio

import pytest

from shared.runtime.messages import Arrival
from tests.faults.invariants import header
from tests.faults.load import Step
from tests.faults.replicas import running
from tests.faults.services import POISON, TOO_LARGE, TOO_WIDE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]


async def test_two_replicas_publish_an_aggregate_in_reverse_order(bed, pair, load, measured):
    intake, _ = pair
    second = bed.replica("intake", 2)
    async with running(second):
        case = load.case()
        load.replicas = {**load.replicas, "intake": [second]}
        await load.send(case, Step("intake", "open", 0))
        await load.send(case, Step("intake", "update", 1))
        intake.arm("before-publish", 1, "nap:4")
        load.replicas = {**load.replicas, "intake": [intake]}
        await load.send(case, Step("intake", "update", 2))
        load.replicas = {**load.replicas, "intake": [second]}
        await load.send(case, Step("intake", "update", 3))
        measured(await bed.sound(load))
    seen = await bed.see()
    order = [int(header(one, "ce_sequence")) for one in seen.records if one.topic == "case-updated" and _of(one, case)]
    assert order == [2, 4, 3]


def _of(record: Arrival, case: str) -> bool:
    return record.key == case.encode()


async def test_a_hot_case_under_commands_while_its_facts_are_folded(bed, pair, load, measured):
    case = load.case()
    async with running(bed.replica("notify", 2)):
        await load.send(case, Step("intake", "open", 0))
        updates = [Step("intake", "update", number) for number in range(1, 31)]
        others = [Step("notify", "nudge" if number % 2 else "note", number) for number in range(1, 31)]
        await asyncio.gather(*(load.send(case, step) for step in [*updates, *others]), load.play(3))
        measured(await bed.sound(load))


async def test_poison_and_what_the_store_refuses_hold_their_case_and_no_other(bed, pair, load, measured):
    sick = {number: load.case() for number in (POISON, TOO_LARGE, TOO_WIDE)}
    bed.sick |= set(sick.values())
    async with load.meanwhile():
        for number, case in sick.items():
            await load.send(case, Step("intake", "open", 0))
            await load.send(case, Step("intake", "update", number))
    measured(await bed.sound(load))
    letters = {one["case"]: one["reason"] for one in bed.database("notify")["dead_letters"].find()}
    assert (letters[sick[POISON]], letters[sick[TOO_LARGE]]) == ("fold-failed", "not-applied")
    # Its job comes with the fact, or, where a wake of the case was due by then, with the reaction that follows.
    assert letters[sick[TOO_WIDE]] in {"not-applied", "react-failed"}


async def test_a_worker_whose_clock_is_an_hour_behind(bed, pair, load, measured):
    """What it does is done once; only its reminders are late, until it has left."""
    behind = bed.replica("notify", 2, FAULTS_CLOCK="-3600")
    async with running(behind), load.meanwhile():
        await asyncio.sleep(3)
    measured(await bed.sound(load))
