"""The layers that import-linter enforces cover every module of the roof."""

from __future__ import annotations

import tomllib

from convoship.machine.state import ROOT

# The floor; and what Django itself imports by name.
NOT_THE_ROOF = {"lib", "apps", "__init__", "__pycache__", "templatetags"}


def test_every_module_of_the_roof_is_closed_to_the_rooms_below() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    closed = next(contract for contract in contracts if contract["name"] == "Nothing reaches up to the roof")
    there = {path.stem for path in (ROOT / "convoship").iterdir() if path.suffix in {"", ".py"}} - NOT_THE_ROOF
    missing = {f"convoship.{name}" for name in there} - set(closed["forbidden_modules"])
    assert not missing, f"add {', '.join(sorted(missing))} to forbidden_modules in pyproject.toml"
