from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import pytest

from deploy.embedded import keeper as keepers
from deploy.embedded import lock
from deploy.embedded.child import Child
from deploy.embedded.keeper import Keeper
from deploy.embedded.ports import choose, is_free
from shared.errors import Refused, Unavailable

pytestmark = pytest.mark.platform


def child(code: str, **more) -> Child:
    async def answers() -> bool:
        return True

    given = {"answers": answers, "environment": lambda: dict(os.environ), **more}
    return Child(name="one", what="a child", command=(sys.executable, "-c", code), address="", **given)


async def test_a_child_that_cannot_start_is_given_up_with_the_name_of_its_log(tmp_path):
    async def never() -> bool:
        return False

    keeper = Keeper(child("raise SystemExit('no')", answers=never), tmp_path, {}, lambda: None)
    keeper.start()
    with pytest.raises(Unavailable, match=r"one\.log"):
        async with asyncio.timeout(20):
            await keeper.until_ready()
    await keeper.stop()
    assert (tmp_path / "one.log").read_text().count("no") == 5


async def test_a_child_that_does_not_drain_in_time_is_killed(tmp_path):
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w').close(); signal.pause()"
    code += "\nwhile True: signal.pause()"

    async def up() -> bool:
        return bool((tmp_path.parent / "up").exists())

    keeper = Keeper(child(code, answers=up, drain_seconds=0.3), tmp_path, {}, lambda: None)
    keeper.start()
    await keeper.until_ready()
    pid = keeper.pid
    await keeper.stop()
    assert lock.born(pid) == 0


async def test_an_engine_that_lives_and_answers_nobody_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(keepers, "_ASK_EVERY", 0.02)
    deaf: set[int] = set()

    async def answers() -> bool:
        return keeper.pid not in deaf

    keeper = Keeper(child("import signal; signal.pause()", answers=answers), tmp_path, {}, lambda: None)
    keeper.start()
    async with asyncio.timeout(20):
        await keeper.until_ready()
    first = keeper.pid
    deaf.add(first)
    async with asyncio.timeout(20):
        await keeper.until_ready(first)
    assert lock.born(first) == 0
    assert keeper.restarts == 1
    await keeper.stop()


async def test_a_child_that_dies_while_a_question_to_it_loses_its_cancellation_is_started_again(tmp_path):
    asked = asyncio.Event()

    async def answers() -> bool:
        if keeper.restarts:
            return True
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return False

    keeper = Keeper(child("import signal; signal.pause()", answers=answers), tmp_path, {}, lambda: None)
    keeper.start()
    async with asyncio.timeout(20):
        await asked.wait()
        keeper.signal(signal.SIGKILL)
        await keeper.until_ready()
    assert keeper.restarts == 1
    await keeper.stop()


async def test_a_child_waits_for_what_it_needs(tmp_path):
    other = Keeper(child(""), tmp_path, {}, lambda: None)
    keeper = Keeper(child("import signal; signal.pause()", needs=("other",)), tmp_path, {"other": other}, lambda: None)
    keeper.start()
    await asyncio.sleep(0.1)
    assert keeper.pid == 0
    other.ready.set()
    await keeper.until_ready()
    await keeper.stop()


async def test_the_lock_is_refused_to_a_second_and_free_again_after_the_first(tmp_path):
    held = lock.take(tmp_path)
    with pytest.raises(Refused, match="already runs"):
        lock.take(tmp_path)
    os.close(held)
    os.close(lock.take(tmp_path))


async def test_ports_are_kept_while_they_are_free_and_replaced_when_they_are_taken(tmp_path):
    kept = tmp_path / "ports.json"
    first = choose(kept, ("a", "b"))
    assert choose(kept, ("a", "b")) == first
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", first["a"])
    async with server:
        assert not is_free(first["a"])
        second = choose(kept, ("a", "b"))
        assert second["a"] != first["a"]
        assert second["b"] == first["b"]
        with pytest.raises(Refused, match="taken"):
            choose(kept, ("a", "b"), {"a": first["a"]})


async def test_processes_of_a_dead_supervisor_are_waited_for(tmp_path):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    record = tmp_path / "platform.json"
    record.write_text(f'{{"children": {{"x": {{"pid": {process.pid}, "born": {lock.born(process.pid)}}}}}}}')
    await asyncio.to_thread(lock.outlive, record, 0.4)
    assert lock.born(process.pid) == 0
    await process.wait()
