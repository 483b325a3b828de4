"""What is asked before anything is installed, and how it is told."""

from __future__ import annotations

import ast
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convoship.machine import packages, preflight
from convoship.machine.state import ROOT, MachineError

BEFORE_ANYTHING_IS_INSTALLED = ("bootstrap", "preflight", "state")


def words(tmp_path: Path, *, is_installed: bool = False) -> str:
    return preflight.report(preflight.findings(tmp_path, is_installed=is_installed))


def test_this_machine_has_what_it_takes(tmp_path: Path) -> None:
    assert preflight.findings(tmp_path, is_installed=False) == []


@pytest.mark.parametrize("module", BEFORE_ANYTHING_IS_INSTALLED)
def test_it_runs_on_a_bare_python(module: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); import convoship.machine.{module}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["manage.py", "convoship/machine/bootstrap.py", "convoship/machine/preflight.py"])
def test_an_old_python_can_read_what_tells_it_so(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 7))


def test_all_that_is_missing_is_told_at_once_with_one_apt_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    text = words(tmp_path)
    assert "This is Python 3.9; it takes 3.11 or newer" in text
    assert "no module venv and no module ensurepip" in text
    assert text.count("apt-get install") == 1
    assert "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends python3 python3-venv'" in text


def test_root_gets_the_line_without_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert preflight.apt_line(["make"]) == "apt-get update && apt-get install -y --no-install-recommends make"


@pytest.mark.parametrize(
    ("libc", "expected"),
    [(("glibc", "2.27"), "glibc 2.27; it takes 2.28"), (("", ""), "no glibc"), (("musl", "1.2"), "no glibc")],
)
def test_an_old_or_other_libc_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, libc: tuple[str, str], expected: str
) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    assert expected in words(tmp_path)


def test_a_machine_without_wheels_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "riscv64" in words(tmp_path)


def test_a_full_disk_stops_the_first_start_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1_000_000))
    assert "1 MB free; the first start takes 1000 MB" in words(tmp_path)
    assert preflight.findings(tmp_path, is_installed=True) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert f"You may not write into {tmp_path}" in words(tmp_path)


def test_who_is_not_root_gets_the_apt_line_for_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    missing = packages.SystemPackage("chromium", "the browser tests drive it", lambda: False)
    with pytest.raises(MachineError, match=r"sudo sh -c 'apt-get update && apt-get install .* chromium'"):
        packages.ensure((missing,), print)
