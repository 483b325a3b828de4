"""`make matching`: python -m tests.matching [--no-page]"""

from __future__ import annotations

import argparse
import sys

from convoship.machine.state import ROOT
from tests.matching.report import report

PAGE = ROOT / "docs" / "matching.md"
MARK = "<!-- Below: what `make matching` measured last. -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.matching", description="How well words are understood.")
    parser.add_argument("--no-page", action="store_true", help="do not write docs/matching.md")
    arguments = parser.parse_args()
    pieces = []
    for piece in report():
        sys.stdout.write(piece)
        sys.stdout.flush()
        pieces.append(piece)
    if not arguments.no_page:
        before, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
        PAGE.write_text(f"{before.rstrip()}\n\n{mark or MARK}\n{''.join(pieces).rstrip()}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
