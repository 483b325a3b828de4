"""`manage.py test`: what its end says, and what is tried a second time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convoship.machine import node, packages, suite
from convoship.machine.state import ROOT

TESTS = """
import pytest

def test_passes():
    pass

def test_fails():
    assert 1 + 1 == 3, "a sum that is wrong" + chr(10) + "and more of it"

@pytest.fixture
def broken():
    raise OSError("no far end")

def test_has_no_far_end(broken):
    pass

@pytest.mark.parametrize("name", ["a b", "c::d"])
def test_of(name):
    raise ValueError(name)
"""


@pytest.mark.parametrize("spread", [[], ["-n", "2"]], ids=["one", "workers"])
def test_a_run_leaves_word_of_what_failed(tmp_path: Path, spread: list[str]) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    told = tmp_path / "told.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    environment |= {"CONVOSHIP_FAILURES": str(told), "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.failures",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, *spread, "test_it.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    assert json.loads(told.read_text()) == {
        "test_it.py::test_fails": "AssertionError: a sum that is wrong",
        "test_it.py::test_has_no_far_end": "at its setup: OSError: no far end",
        "test_it.py::test_of[a b]": "ValueError: a b",
        "test_it.py::test_of[c::d]": "ValueError: c::d",
    }


Answers = dict[str, list[tuple[int, suite.Failures]]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What pytest will answer: to the run of all but the browser's tests, to that of these, and to some once more."""
    answers: Answers = {"unit": [(0, {})], "browser": [(0, {})], "again": []}
    failed: list[str] = []

    def answer(arguments: list[str]) -> tuple[int, suite.Failures]:
        kind = {"tests": "unit", "tests/e2e": "browser"}.get(arguments[0], "again")
        if kind == "again":
            assert arguments == failed, "those that failed, and no others"
        code, failures = answers[kind].pop(0)
        failed[:] = list(failures)
        return code, failures

    monkeypatch.setattr(suite, "_pytest", answer)
    monkeypatch.setattr(packages, "ensure", lambda *_: None)
    monkeypatch.setattr(node, "main", lambda _: 0)
    return answers


def test_a_browser_test_that_passes_the_second_time_is_named_and_nothing_failed(
    runs: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    runs["browser"] = [(1, {"tests/e2e/a.py::one": "Timeout 20000ms", "tests/e2e/a.py::two": "Timeout 1ms"})]
    runs["again"] = [(1, {"tests/e2e/a.py::two": "AssertionError: again"})]
    assert suite.main([]) == 1
    said = capsys.readouterr().out
    assert "Passed only at the second try (1):\n  tests/e2e/a.py::one\n      Timeout 20000ms\n" in said
    assert "Failed tests (1):\n  tests/e2e/a.py::two\n      AssertionError: again\n" in said

    runs["unit"], runs["browser"] = [(0, {})], [(1, {"tests/e2e/a.py::one": "Timeout 20000ms"})]
    runs["again"] = [(0, {})]
    assert suite.main([]) == 0
    assert "Passed only at the second try (1):" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "count"),
    [(1, suite.MOST_IN_BROWSERS + 1), (1, 0), (2, 1), (3, 1)],
    ids=["many", "none named", "broken off", "pytest itself"],
)
def test_what_is_no_accident_is_not_tried_again(
    runs: Answers, capsys: pytest.CaptureFixture[str], code: int, count: int
) -> None:
    runs["browser"] = [(code, {f"tests/e2e/a.py::{number}": "no" for number in range(count)})]
    assert suite.main([]) == 1
    assert "second try" not in capsys.readouterr().out


def test_a_few_of_the_other_tests_are_tried_again_too(runs: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    late = {f"tests/a.py::{number}": "AssertionError: no" for number in range(suite.MOST_TRIED_AGAIN)}
    runs["unit"], runs["again"] = [(1, dict(late))], [(0, {})]
    assert suite.main([]) == 0
    assert f"Passed only at the second try ({suite.MOST_TRIED_AGAIN}):" in capsys.readouterr().out

    runs["unit"], runs["browser"] = [(1, {**late, "tests/a.py::another": "AssertionError: no"})], [(0, {})]
    assert suite.main([]) == 1
    said = capsys.readouterr()
    assert f"\nFailed tests ({suite.MOST_TRIED_AGAIN + 1}):\n" in said.out
    assert "Failed: pytest" in said.err


def test_what_fails_twice_failed(runs: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    runs["unit"] = [(1, {"tests/a.py::one": "AssertionError: no"})]
    runs["again"] = [(1, {"tests/a.py::one": "AssertionError: again"})]
    assert suite.main([]) == 1
    said = capsys.readouterr()
    assert said.out.endswith("Failed tests (1):\n  tests/a.py::one\n      AssertionError: again\n")
    assert "Failed: pytest" in said.err


def test_where_all_passed_the_end_is_silent(runs: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.main([]) == 0
    assert capsys.readouterr().out == ""
