"""What is personal is known of every column: no later table, and no later line of the audit log, can be forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection

import channels_app.models.personal
import deployments.models.personal
import workspaces.personal
from convoship.lib.personal import Personal
from convoship.lib.tenancy import TenantModel

ROOT = Path(__file__).parents[2]
DECLARED: dict[type[TenantModel], Personal] = {
    **channels_app.models.personal.PERSONAL,
    **deployments.models.personal.PERSONAL,
    **workspaces.personal.PERSONAL,
}
# What a person can be told by, or can have said, is one of these types; ids, moments and counts tell nobody.
_WORDS = ("character varying", "text", "json", "jsonb", "ARRAY", "inet", "tsvector")


def words_of(model: type[TenantModel]) -> set[str]:
    """The columns of its table that hold words, as PostgreSQL has them, less those that choose one of a few."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND data_type = ANY(%s)",
            [model._meta.db_table, list(_WORDS)],
        )
        found = {name for (name,) in cursor.fetchall()}
    return found - {field.column for field in model._meta.concrete_fields if field.choices}


@pytest.mark.django_db
def test_of_every_column_it_is_declared_how_it_is_erased_or_why_it_stays() -> None:
    models = [model for model in apps.get_models() if issubclass(model, TenantModel)]
    undeclared: dict[str, set[str]] = {}
    for model in models:
        declared = DECLARED.get(model, Personal())
        left = set() if declared.rows else words_of(model) - declared.columns
        if left:
            undeclared[model._meta.label] = left
    assert undeclared == {}, "say in models/personal.py of its app what erasing a person does to each"
    assert len([model for model in models if words_of(model)]) > 30
    names = {model: {field.column for field in model._meta.concrete_fields} | words_of(model) for model in models}
    assert {model: gone for model, said in DECLARED.items() if (gone := said.columns - names[model])} == {}


# --- The audit log ----------------------------------------------------------------------------------------------------

# What lines of the audit log tell beside ids: counts, choices of a few, and the workspace's own words. Nothing that
# says who a person is, how they are reached, or what they wrote and sent: the log is never erased.
IDS = {
    "assistant",
    "connection",
    "delivery",
    "deliveries",
    "file",
    "media",
    "merge",
    "merged",
    "note",
    "parted",
    "mail",
    "recording",
    "rollout",
}
TOLD = {
    *("bytes", "count", "files", "messages", "notes", "older_than_days", "people", "percent", "seq", "test_cases"),
    *("conversations", "conversations_ended", "unsent", "used_by", "overlap_seconds", "share", "reports", "fault"),
    *("kind", "format", "has_reason", "with_summary", "changed", "events", "shared", "zone", "until", "mentions"),
    *(
        "before",
        "after",
        "allowed_origins",
        "origin",
        "origins",
        "prefix",
        "hint",
        "scopes",
        "theme",
        "template",
        "sid",
    ),
    *("budgets", "price_in", "price_out", "pages", "host", "model", "secret"),
    *("version", "base_version", "title", "tag", "deployments", "left_without", "signature", "sent_by"),
}
# These words mean another thing in each line.
EACH = {
    ("connection.disabled", "reason"),  # what the provider said of the account
    ("assistant.published", "note"),  # the version's
    ("conversation.assigned", "to"),  # a member's id
}
# Lines that spread a mapping, and what is in it.
SPREAD = {
    "done.details": "what a rehearsal's stand-in was told to do",
    "gone.counts": "counts",
    "counts": "counts",
    "told": "counts and ids",
    "data": "numbers of versions",
}


def lines() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `audit.record` in the product, with its action, or what makes that."""
    for path in sorted(ROOT.glob("*/**/*.py")):
        if path.relative_to(ROOT).parts[0] in {"channels_app", "convoship", "deployments", "widget", "workspaces"}:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in {"audit.record", "audit.record_once"}:
                    action = node.args[1]
                    yield str(action.value) if isinstance(action, ast.Constant) else ast.unparse(action), node


def test_the_audit_log_tells_ids_and_nothing_personal() -> None:
    found = list(lines())
    assert len(found) > 80
    wrong = []
    for action, call in found:
        for told in call.keywords:
            if told.arg == "within":  # of `record_once`, and in no line
                continue
            value = ast.unparse(told.value)
            if told.arg is None:
                is_good = value in SPREAD or value.startswith(("publishing.told_of_tests(", "told_of_tests("))
            elif told.arg in IDS:
                is_good = value.startswith(("str(", "[str(", "len(")) or value.endswith((".id", "replayed"))
            else:
                is_good = told.arg in TOLD
            if not is_good and (action, told.arg) not in EACH:
                wrong.append((action, told.arg, value))
    assert wrong == [], "a line is kept for ever: name the row by its id, and let whoever reads it look there"
