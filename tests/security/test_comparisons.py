"""Signatures, tokens and digests are compared in constant time (RELIABILITY R39): asked of the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PACKAGES = ("channels_app", "convoship", "deployments", "widget", "workspaces")
# A name that ends in one of these holds something that a comparison could give away, character by character.
TELLING = re.compile(r"(?:^|_)(?:sig|signature|token|hmac|mac|digest|secret|password|nonce)s?$", re.IGNORECASE)
# Compared with one of these nothing secret is told: whether there is one, or which kind it is.
HARMLESS = (ast.Constant,)

# Where a name of that kind holds nothing secret, and why.
EXPLAINED = {
    ("channels_app/voice/transfer_parts.py", "digest"): "whether the provider, who is known, asked the same again",
    ("channels_app/providers/servicenow/lookups.py", "digest"): "of words that we wrote: where they stand in a journal",
    ("channels_app/rehearsal/zendesk/firing.py", "digest"): "of a body that was posted: was it lately",
    ("channels_app/rehearsal/zendesk/tickets.py", "digest"): "whether the same key came with the same body again",
    ("convoship/machine/bootstrap.py", "digest"): "of a file of ours: has it changed since it was installed",
    ("convoship/machine/node.py", "digest"): "of a file of ours",
    ("convoship/machine/up.py", "digest"): "of files of ours",
    ("deployments/conversations.py", "body_digest"): "whether the sender, who is known, sent the same body again",
    ("deployments/csp.py", "_digest"): "of a script of ours in a page that is checked",
    ("deployments/csp.py", "nonce"): "of a page that is checked, published with the page",
    ("deployments/knowledge/keeping.py", "digest"): "of a text that was read: has it changed since",
    ("deployments/sessions.py", "body_digest"): "whether the sender, who is known, sent the same body again",
    ("workspaces/api/replays.py", "body_digest"): "whether the sender, who is known, sent the same body again",
}


def name_of(node: ast.expr) -> str:
    """What an operand is called: of `a.b.signature`, `headers["signature"]` and `signature[:4]` the last word."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
            return name.replace("-", "_") or name_of(value)
        case ast.Subscript(value=value):
            return name_of(value)
        case ast.Call(func=ast.Name(id="bytes" | "str"), args=[inner, *_]):
            return name_of(inner)
        case ast.Call(func=func):
            return name_of(func)
    return ""


def comparisons(source: str) -> Iterator[tuple[int, str]]:
    """Lines of `==` and `!=` with an operand whose name is telling, and that name."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            if not isinstance(operator, ast.Eq | ast.NotEq):
                continue
            if isinstance(left, HARMLESS) or isinstance(right, HARMLESS):
                continue
            for operand in (left, right):
                if TELLING.search(name_of(operand)):
                    yield node.lineno, name_of(operand)
                    break


def test_nothing_secret_is_compared_with_an_equals_sign() -> None:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            for line, name in comparisons(path.read_text()):
                if (place, name) not in EXPLAINED:
                    found.append(f"{place}:{line} compares {name}: use hmac.compare_digest")
    assert found == []


def test_what_is_explained_is_still_there() -> None:
    there = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for _, name in comparisons(path.read_text())
    }
    assert set(EXPLAINED) <= there


@pytest.mark.parametrize(
    "source",
    [
        "given == signature",
        "if request.headers['X-Signature'] != made: pass",
        "row.digest == digest_of(token)",
        "expected_hmac == other",
        "bytes(row.token) != given",
        "a < b == self.secret",
        "signature[:10] == other[:10]",
        "[t for t in tokens if t.token == wanted]",
    ],
)
def test_the_search_sees_each_way_of_writing_it(source: str) -> None:
    assert [line for line, _ in comparisons(source)] == [1]


@pytest.mark.parametrize(
    "source", ["kind == 'token'", "token == ''", "token is None", "secret in known", "token_count == n"]
)
def test_what_tells_nothing_is_left_alone(source: str) -> None:
    assert list(comparisons(source)) == []
