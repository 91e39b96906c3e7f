from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deploy.embedded.site import ROOT


def recours(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RECOURS_")}
    command = [sys.executable, "-m", "deploy.cli.main", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**bare, **environment}, capture_output=True, text=True, check=False, timeout=30
    )


def test_config_shows_values_and_meanings_and_hides_secrets():
    done = recours("config", RECOURS_PARTITIONS="7", RECOURS_KEYRING_TOKEN="hush")
    assert done.returncode == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("RECOURS_PARTITIONS"))
    assert line.split()[1] == "7"
    assert "partitions of every topic" in line
    assert "hush" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("config",), {"RECOURS_BUS": "x"}, "RECOURS_BUS is wrong"),
        (("run", "mediation"), {}, "choose one of intake"),
        (("up", "--only", "mediation"), {}, "no service 'mediation'"),
        (("up", "--only", "none", "--data", __file__), {}, "Check the path and who may use it."),
        (("keys", "rotate", "mediation"), {}, "choose one of intake"),
        (("keys", "rotate", "legal"), {}, "Nothing was changed. With --yes"),
        (("partners", "list", "--data", "nowhere"), {}, "start the platform once"),
    ],
)
def test_an_expected_error_is_one_sentence_and_exit_code_1(arguments, environment, says):
    done = recours(*arguments, **environment)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_reads_a_part_of_the_output_gets_no_traceback():
    command = [sys.executable, "-m", "deploy.cli.main", "config"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read().decode()
    assert (process.returncode, said) == (1, "")
