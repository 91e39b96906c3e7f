"""Getting what the tests in a browser need: with what is there, and where it cannot be got."""

from __future__ import annotations

import json
import re

import pytest

from tests.browser import install


@pytest.fixture
def bare(monkeypatch):
    """A machine on which no program is found."""
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    monkeypatch.setattr(install.subprocess, "run", lambda *_, **__: pytest.fail("nothing can be run here"))


def test_without_root_a_missing_chromium_is_named(bare):
    with pytest.raises(install.Missing, match="apt-get install chromium"):
        install.install_chromium({}, root=False)


def test_without_npm_a_missing_axe_is_named(bare, tmp_path):
    with pytest.raises(install.Missing, match="install npm"):
        install.install_axe({}, tmp_path)


@pytest.mark.parametrize("which", [install.install_chromium, install.install_axe])
def test_a_setting_that_names_no_file_is_refused_and_nothing_is_got_instead(bare, tmp_path, which):
    nowhere = str(tmp_path / "nowhere")
    with pytest.raises(install.Missing, match="names no file"):
        which({"RECOURS_CHROMIUM": nowhere, "RECOURS_AXE": nowhere})


def test_what_is_there_is_not_got_again(bare, tmp_path):
    there = tmp_path / "there"
    there.write_text("")
    settings = {"RECOURS_CHROMIUM": str(there), "RECOURS_AXE": str(there)}
    install.install_chromium(settings)
    install.install_axe(settings)


def test_another_version_than_the_locked_one_does_not_count(tmp_path):
    package = tmp_path / "node_modules" / "axe-core"
    package.mkdir(parents=True)
    (package / "axe.min.js").write_text("")
    locked = json.loads((install.HERE / "package-lock.json").read_text())["packages"]["node_modules/axe-core"]
    for version, counts in (("1.0.0", False), (locked["version"], True)):
        (package / "package.json").write_text(json.dumps({"version": version}))
        assert (install.axe({}, tmp_path) is not None) is counts


def test_a_failed_npm_is_told_with_its_code(monkeypatch, tmp_path):
    monkeypatch.setattr(install.shutil, "which", lambda name: name)
    monkeypatch.setattr(install.subprocess, "run", lambda *_, **__: type("Done", (), {"returncode": 7})())
    with pytest.raises(install.Missing, match="exit code 7"):
        install.install_axe({}, tmp_path)


def test_whatever_is_missing_is_said_at_once(monkeypatch):
    def lacking(name):
        def fail():
            raise install.Missing(name)

        return fail

    monkeypatch.setattr(install, "install_chromium", lacking("no browser"))
    monkeypatch.setattr(install, "install_axe", lacking("no axe"))
    assert list(install.missing()) == ["no browser", "no axe"]


def test_the_lock_pins_a_digest_and_names_no_registry():
    lock = (install.HERE / "package-lock.json").read_text()
    package = json.loads(lock)["packages"]["node_modules/axe-core"]
    assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
    assert package["version"] == json.loads((install.HERE / "package.json").read_text())["devDependencies"]["axe-core"]
    assert "resolved" not in lock
    assert "://" not in lock
