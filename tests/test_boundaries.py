"""The rules about who may use what: each is shown to bite by a planted violation, and to hold for the sources."""

from __future__ import annotations

import ast
import configparser
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("shared", "services", "deploy")
STORE = "shared/runtime/store.py"
WRITES = frozenset(
    {
        *("insert_one", "insert_many", "update_one", "update_many", "replace_one", "delete_one", "delete_many"),
        *("bulk_write", "find_one_and_update", "find_one_and_replace", "find_one_and_delete", "drop_collection"),
    }
)
"""What pymongo and motor change documents with."""
BANNED = (
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "uuid.uuid4"),
    "asyncio.wait_for",
)


def contracts() -> dict[str, configparser.SectionProxy]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return {
        name.rsplit(":", 1)[1]: parser[name] for name in parser.sections() if name.startswith("importlinter:contract:")
    }


def listed(contract: str, key: str) -> list[str]:
    return contracts()[contract][key].split()


# ---- imports


@pytest.fixture
def tree(tmp_path):
    """The packages that the contracts name, all empty, under the contracts as they are."""
    shutil.copy(ROOT / ".importlinter", tmp_path)
    wanted = {"shared.money", "shared.settings", "shared.web", *SOURCES}
    for one in contracts().values():
        for key in ("source_modules", "forbidden_modules", "modules", "layers"):
            wanted |= {name for name in one.get(key, "").split() if name.split(".")[0] in SOURCES}
    for name in wanted:
        place = tmp_path / name.replace(".", "/")
        for package in (place, *place.relative_to(tmp_path).parents):
            (tmp_path / package).mkdir(parents=True, exist_ok=True)
            if (tmp_path / package) != tmp_path:
                (tmp_path / package / "__init__.py").touch()
    return tmp_path


def lint_imports(tree: Path) -> tuple[int, str]:
    program = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_clean_tree_keeps_every_contract(tree):
    code, said = lint_imports(tree)
    assert (code, f"{len(contracts())} kept, 0 broken" in said) == (0, True), said


PLANTED = {
    "layers": [
        ("shared.runtime", "import services.intake"),
        ("services.intake", "import deploy"),
        ("shared.trust", "import deploy"),
    ],
    "independence": [
        ("services.billing", "import services.legal"),
        ("services.intake", "from services.notify import domain"),
        ("services.evidence", "import services.intake.domain"),
    ],
    "motor": [(module, "import motor") for module in listed("motor", "source_modules")],
    "contracts": [("shared.contracts", f"import {module}") for module in listed("contracts", "forbidden_modules")],
    "trust": [("shared.trust", f"import {module}") for module in listed("trust", "forbidden_modules")],
    "domains": [
        *(("services.billing.domain", f"import {module}") for module in listed("domains", "forbidden_modules")),
        *((module, "import random") for module in listed("domains", "source_modules")),
    ],
}


def test_every_contract_has_its_planted_violations():
    assert set(PLANTED) == set(contracts())


@pytest.mark.parametrize("contract", sorted(PLANTED))
def test_a_planted_import_breaks_its_contract(tree, contract):
    """All at once, one module each, and each of them is named."""
    for number, (module, source) in enumerate(PLANTED[contract]):
        (tree / module.replace(".", "/") / f"planted_{number}.py").write_text(source + "\n")
    code, said = lint_imports(tree)
    assert code == 1, said
    assert f"{contracts()[contract]['name']} BROKEN" in said
    for number, (module, source) in enumerate(PLANTED[contract]):
        assert f"{module}.planted_{number} -> " in said, (module, source)


def test_the_sources_keep_every_contract():
    code, said = lint_imports(ROOT)
    assert code == 0, said


def test_only_the_store_imports_motor():
    """Also of the modules that the contract does not list."""
    found = {name for name, tree in sources() if "motor" in {one.split(".")[0] for one in imported(tree)}}
    assert found == {STORE}


# ---- time and ids


@pytest.mark.parametrize("place", ["services/billing/domain/planted.py", "shared/planted.py", "deploy/planted.py"])
@pytest.mark.parametrize("banned", BANNED)
def test_ruff_refuses_a_clock_an_id_and_a_timeout_of_another_kind(tmp_path, banned, place):
    module, *rest = banned.split(".")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / place
    planted.parent.mkdir(parents=True)
    planted.write_text(f"from {module} import {rest[0]} as told\n\nVALUE = {'.'.join(['told', *rest[1:]])}()\n")
    assert banned_in(tmp_path) >= 1
    planted.write_text(f"import {module}\n\nVALUE = {banned}()\n")
    assert banned_in(tmp_path) == 1
    planted.write_text("from shared import clock\n\nVALUE = clock.now()\n")
    assert banned_in(tmp_path) == 0


def test_every_banned_name_is_tried():
    said = (ROOT / "pyproject.toml").read_text()
    banned = said.split("[tool.ruff.lint.flake8-tidy-imports.banned-api]")[1].split("\n[")[0]
    assert {line.split('"')[1] for line in banned.splitlines() if line.startswith('"')} == set(BANNED)


def banned_in(tree: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "json", "."],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    return sum(one["code"] == "TID251" for one in json.loads(done.stdout))


def test_the_ban_is_lifted_for_the_clock_and_the_ids_alone():
    lifted = {path.relative_to(ROOT).as_posix() for path in files(ROOT) if "noqa: TID251" in path.read_text()}
    assert lifted <= {"shared/clock.py", "shared/ids.py"}


# ---- one writer


def files(root: Path) -> Iterator[Path]:
    for package in SOURCES:
        yield from sorted((root / package).rglob("*.py"))


def sources(root: Path = ROOT) -> Iterator[tuple[str, ast.Module]]:
    for path in files(root):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names)
            case ast.ImportFrom(module=str() as module):
                yield module


def writing(tree: ast.Module) -> Iterator[int]:
    """The lines that name a method which changes documents, called, passed on or looked up by its name."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Constant(value=str() as name) if name in WRITES:
                yield node.lineno


def writers(root: Path) -> set[str]:
    return {name for name, tree in sources(root) if any(True for _ in writing(tree))}


def test_only_the_store_writes_documents():
    assert writers(ROOT) == {STORE}


def test_the_store_writes_in_a_transaction_alone():
    """A write without a session stands outside of it, and waits for minutes on a lock that a killed process left."""
    (tree,) = [tree for name, tree in sources() if name == STORE]
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    ]
    assert calls
    assert [one.lineno for one in calls if "session" not in {word.arg for word in one.keywords}] == []


@pytest.mark.parametrize(
    "source",
    [
        'async def f(store):\n    await store["states"].update_one({}, {})\n',
        "def f(store):\n    return store.events.insert_many\n",
        'def f(jobs):\n    getattr(jobs, "delete_one")({})\n',
        "def f(jobs):\n    jobs.find_one_and_update({}, {})\n",
    ],
)
@pytest.mark.parametrize("place", ["services/legal/workers.py", "shared/runtime/claims.py", "deploy/cli/mend.py"])
def test_a_planted_writer_is_seen(tmp_path, place, source):
    planted = tmp_path / place
    planted.parent.mkdir(parents=True)
    planted.write_text(source)
    assert writers(tmp_path) == {place}
