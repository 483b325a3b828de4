"""Shapes of what assistants know."""

from __future__ import annotations

from deployments.knowledge import limits
from deployments.knowledge.languages import LANGUAGES, SIMPLE
from deployments.knowledge.sources import INTERVALS, LONGEST_TITLE, LONGEST_URL
from deployments.models.knowledge import EmbeddingStatus, PageStatus, SourceKind, SourceStatus
from deployments.safe_text import LONGEST_TEXT
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, YES_NO, Schema, body, component, fields, or_null, page_of
from workspaces.secret_store import LONGEST_VALUE

MOST_FOUND = 20

_REASON: Schema = {**TEXT, "description": "Why it isn't as it should be, in plain words; empty where it is."}
_REMEDY: Schema = {**TEXT, "description": "What to do about it."}
_LANGUAGE: Schema = {
    "enum": ["", SIMPLE, *LANGUAGES],
    "description": "Whose word forms are minded; `simple` minds none, empty tells it from each document.",
}
_INTERVAL = or_null(
    {"enum": list(INTERVALS), "description": "How often it is fetched by itself, in hours; null: only when asked."}
)

SOURCE = component(
    "KnowledgeSource",
    {
        "description": "Something that an assistant has read. While it is read anew, what it gave before is found.",
        **fields(
            id=UUID,
            kind={"enum": [kind.value for kind in SourceKind]},
            title=TEXT,
            url={**TEXT, "description": "Of a page or a sitemap; empty else."},
            language=_LANGUAGE,
            status={"enum": [status.value for status in SourceStatus]},
            reason=_REASON,
            remedy=_REMEDY,
            refetch_hours=_INTERVAL,
            next_fetch_at=or_null(TIME),
            fetched_at=or_null(TIME),
            pages=fields(
                ready=WHOLE,
                failed=WHOLE,
                skipped={**WHOLE, "description": "Left out: forbidden by robots.txt, the same as another, no room."},
                waiting=WHOLE,
            ),
            created_at=TIME,
        ),
    },
)
SOURCES = page_of("KnowledgeSources", SOURCE)
NEW_SOURCE = body(
    {
        "kind": {"enum": [SourceKind.TEXT.value, SourceKind.PAGE.value, SourceKind.SITEMAP.value]},
        "title": {"type": "string", "maxLength": LONGEST_TITLE, "description": "A text needs one."},
        "text": {"type": "string", "maxLength": limits.LONGEST_TEXT, "description": "Of a text: Markdown or plain."},
        "url": {"type": "string", "maxLength": LONGEST_URL, "description": "Of a page or a sitemap."},
        "refetch_hours": _INTERVAL,
        "language": _LANGUAGE,
    },
    required=("kind",),
)
SOURCE_CHANGES = body(
    {"title": {"type": "string", "minLength": 1, "maxLength": LONGEST_TITLE}, "refetch_hours": _INTERVAL}
)

PAGE = component(
    "KnowledgePage",
    fields(
        id=UUID,
        url=TEXT,
        title=TEXT,
        language=TEXT,
        status={"enum": [status.value for status in PageStatus]},
        reason=_REASON,
        remedy=_REMEDY,
        characters={**WHOLE, "description": "Of its text, as it is kept."},
        fetched_at=or_null(TIME),
    ),
)
KNOWN_PAGES = page_of("KnowledgePages", PAGE)

SEARCH = body(
    {
        "text": {
            "type": "string",
            "maxLength": LONGEST_TEXT,
            "pattern": r"\S",
            "x-words": {"pattern": "This must not be empty."},
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": 5},
    },
    required=("text",),
)
FOUND = component(
    "KnowledgePassages",
    fields(
        passages={
            "type": "array",
            "items": fields(
                id=UUID,
                title=TEXT,
                url={**TEXT, "description": "Empty where it has none."},
                text=TEXT,
                score={
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "How much of what was asked the passage has, rare words counting more.",
                },
            ),
        }
    ),
)

EMBEDDINGS = component(
    "KnowledgeEmbeddings",
    {
        "description": "The endpoint that makes embeddings for an assistant. Without one, words alone find passages.",
        **fields(
            possible={**YES_NO, "description": "Whether this installation's database has pgvector."},
            base_url=TEXT,
            model=TEXT,
            secret={**TEXT, "description": "The key of the workspace secret that is sent; empty for none."},
            dimensions=or_null(WHOLE),
            status=or_null({"enum": [status.value for status in EmbeddingStatus]}),
            reason=_REASON,
            remedy=_REMEDY,
            passages=WHOLE,
            embedded={**WHOLE, "description": "How many of the passages have an embedding."},
        ),
    },
)
NEW_EMBEDDINGS = body(
    {
        "base_url": {
            "type": "string",
            "minLength": 1,
            "maxLength": 500,
            "description": "Of an OpenAI-compatible API, such as https://api.openai.com/v1.",
        },
        "model": {"type": "string", "minLength": 1, "maxLength": 100},
        "secret": {"type": "string", "maxLength": 64},
        "secret_value": {
            "type": "string",
            "maxLength": LONGEST_VALUE,
            "description": (
                "The value of the secret, where this sends it to a host for the first time: compared with what is "
                "kept, not stored."
            ),
        },
    },
    required=("base_url", "model"),
)
