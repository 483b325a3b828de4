"""Shapes of versions, comparisons and files in the admin API."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from deployments.api.admin.schema import HANDOFF_RULES, SCRIPT
from deployments.differences import Kind
from deployments.interchange import ENVELOPE
from deployments.models.assistant import Responder
from deployments.outline import INTENT, TITLES
from deployments.thinking import PARTS
from deployments.versions import DRAFT, LARGEST_NUMBER
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, YES_NO, Schema, body, component, fields, or_null, page_of

NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}
NUMBER_IN_PATH = OpenApiParameter("number", NUMBER, OpenApiParameter.PATH, description="A version's number.")
_SIDE: Schema = {"oneOf": [NUMBER, {"const": DRAFT}]}
_SIDE_TEXT: Schema = {"type": "string", "pattern": f"^([1-9][0-9]{{0,8}}|{DRAFT})$"}

# --- Versions -----------------------------------------------------------------------------------------------------

_FAILURE = fields(
    optional=("utterance", "expected", "got", "score"),
    utterance=TEXT,
    expected={**TEXT, "description": "An intent's name; empty for the fallback."},
    got=TEXT,
    score={"type": "number"},
)
_VERSION: dict[str, Schema] = {
    "number": NUMBER,
    "note": TEXT,
    "is_live": {**YES_NO, "description": "Whether it is what new conversations meet."},
    "published_at": TIME,
    "published_by": or_null(component("PublishedBy", fields(id=UUID, name=TEXT))),
    "running_conversations": {**WHOLE, "description": "Those that go on with it."},
    "conversations": {**WHOLE, "description": "All that began with it."},
    "test_report": {
        **fields(
            optional=("passed", "total", "failures"),
            passed=WHOLE,
            total=WHOLE,
            failures={"type": "array", "items": _FAILURE},
        ),
        "description": "What the test cases said when it was published; empty where there were none.",
    },
}
VERSION = component("Version", fields(optional=(), **_VERSION))
VERSIONS = page_of("VersionPage", VERSION)
_CONTENT = fields(
    optional=("handoff",),
    name=TEXT,
    responder={"enum": [str(value) for value in Responder.values]},
    scripted=SCRIPT,
    handoff={**HANDOFF_RULES, "description": "Left out where all of it is as it is without any rules."},
)
VERSION_WITH_CONTENT = component("VersionWithContent", fields(optional=(), **_VERSION, content=_CONTENT))

RESTORE = body(
    {
        "version": {**NUMBER, "description": "Which becomes the draft, in place of what the draft has now."},
        "publish": {**YES_NO, "description": "Whether it becomes live at once, as a new version."},
        "note": {"type": "string", "maxLength": 200, "description": "The new version's; “Restored version N” without."},
    },
    required=("version",),
)

# --- Comparing ----------------------------------------------------------------------------------------------------

_KIND: Schema = {"enum": [kind.value for kind in Kind]}
_LINE = fields(kind=_KIND, label=TEXT, old=or_null(TEXT), new=or_null(TEXT))
_CHANGE = fields(
    optional=("old_title",),
    part={**TEXT, "description": f"{', '.join(TITLES)}, {INTENT}, order (of the intents), or another part's key."},
    kind=_KIND,
    title=TEXT,
    old_title={**TEXT, "description": "What an intent that was renamed was called."},
    lines={"type": "array", "items": _LINE},
)
DIFF = component(
    "Diff",
    fields(
        optional=(),
        **{"from": _SIDE, "to": _SIDE},
        summary=TEXT,
        changes={"type": "array", "items": component("Change", _CHANGE)},
    ),
)
DIFF_PARAMETERS = [
    OpenApiParameter("from", _SIDE_TEXT, description="A version's number, or `draft`. Without it the one before `to`."),
    OpenApiParameter("to", _SIDE_TEXT, description="A version's number, or `draft`, which it is without it."),
]

# --- Files --------------------------------------------------------------------------------------------------------

_FILE: dict[str, Schema] = {**ENVELOPE, "scripted": SCRIPT, "handoff": HANDOFF_RULES}
# Of what answers beside the script a file has what the assistant has.
EXPORT = component("AssistantFile", fields(optional=tuple(PARTS), **_FILE))
EXPORT_PARAMETERS = [
    OpenApiParameter("version", _SIDE_TEXT, description="A version's number, or `draft`, which it is without it.")
]
# A file as it was exported, the same with less around `scripted`, or what `scripted` holds alone.
IMPORT = {"application/json": {"anyOf": [component("AssistantImport", body(_FILE, required=("scripted",))), SCRIPT]}}
