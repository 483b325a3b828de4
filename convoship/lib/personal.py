"""What tables say of the people that a workspace talks with, declared column by column, so that erasing forgets none.

Each app declares its tables beside its models (`models/personal.py`; of workspaces: `personal.py`). The eraser writes
what the declaration says, so the two can't drift apart; a text or a document in no declaration fails a test
(`tests/security/test_personal.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Personal:
    """What becomes of a table's columns when a person is erased.

    `rows`: how whole rows of theirs are deleted, which says all. Otherwise by column: `blank` is what is written in its
    place, `otherwise` how else it goes, and `kept` why it stays (by columns, with blanks between them).
    """

    rows: str = ""
    blank: Mapping[str, Any] = field(default_factory=dict)
    otherwise: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """The columns that are declared."""
        return {*self.blank, *" ".join([*self.otherwise, *self.kept]).split()}
