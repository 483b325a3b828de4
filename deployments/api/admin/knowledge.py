"""What assistants know: their sources, the documents that came of them, and what is found for a text."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib import limiting
from convoship.lib.parsers import StrictJSONParser
from convoship.lib.problems import invalid
from convoship.lib.tenancy import tenant
from convoship.lib.times import maybe_moment, moment
from deployments.api import one_file
from deployments.api.admin import schema_knowledge as schema
from deployments.api.admin.assistants import assistant_of
from deployments.api.runtime.schema import FILE_REQUEST
from deployments.knowledge import embedding, limits, listing, sources, uploads
from deployments.models import KnowledgePage, KnowledgeSource
from deployments.models.knowledge import SourceKind
from deployments.responders.base import Passage
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, ids_of
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at", descending=False)

_NEW = Body(schema.NEW_SOURCE)
_CHANGES = Body(schema.SOURCE_CHANGES)
_SEARCH = Body(schema.SEARCH)
_EMBEDDINGS = Body(schema.NEW_EMBEDDINGS)


def source_json(source: KnowledgeSource) -> dict[str, Any]:
    """A source, and how its documents stand."""
    return {
        "id": str(source.id),
        "kind": source.kind,
        "title": source.title,
        "url": source.url,
        "language": source.language,
        "status": source.status,
        "reason": source.reason,
        "remedy": source.remedy,
        "refetch_hours": source.refetch_hours,
        "next_fetch_at": maybe_moment(source.due_at),
        "fetched_at": maybe_moment(source.fetched_at),
        "pages": listing.counts_of(source),
        "created_at": moment(source.created_at),
    }


def page_json(row: KnowledgePage) -> dict[str, Any]:
    """A document, without its text."""
    return {
        "id": str(row.id),
        "url": row.url,
        "title": row.title,
        "language": row.language,
        "status": row.status,
        "reason": row.reason,
        "remedy": row.remedy,
        "characters": row.size,
        "fetched_at": maybe_moment(row.fetched_at),
    }


class LargeParser(StrictJSONParser):
    """A pasted text may be longer than other bodies: in JSON a character takes six bytes at most."""

    most_bytes = 6 * limits.LONGEST_TEXT + 16 * 1024


class SourcesView(WorkspaceView):
    """An assistant's sources."""

    permissions = {"GET": "assistants.read", "POST": "assistants.write"}
    parser_classes = (LargeParser,)

    @extend_schema(operation_id="knowledge_list", responses={200: schema.SOURCES}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """All of them, the oldest first."""
        queries.only(request, *PARAMETERS)
        assistant = assistant_of(assistant_id)
        return page(request, listing.sources_of(assistant), ORDER, source_json)

    @extend_schema(operation_id="knowledge_add", request=_NEW.documented, responses={201: schema.SOURCE})
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Add a text, a page or a sitemap. It is read within a few seconds: look at its `status` then."""
        assistant = assistant_of(assistant_id)
        wanted = _NEW.read(request)
        kind = SourceKind(wanted.pop("kind"))
        fits = (
            {"title", "text", "language"} if kind == SourceKind.TEXT else {"title", "url", "refetch_hours", "language"}
        )
        if extra := sorted(set(wanted) - fits):
            raise invalid({name: [f"A source of the kind {kind.value} has no {name}."] for name in extra})
        if kind == SourceKind.TEXT:
            texts = {"title": "", "text": "", **wanted}
            return Answer(source_json(sources.add_text(self.actor, assistant, **texts)))
        return Answer(source_json(sources.add_web(self.actor, assistant, kind=kind, **{"url": "", **wanted})))


class SourceFilesView(WorkspaceView):
    """Files as sources. No transaction waits for a file or its scanner."""

    permissions = {"POST": "assistants.write"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        return cast(Response, handler(request, **ids_of(kwargs)))

    @extend_schema(operation_id="knowledge_add_file", request=FILE_REQUEST, responses={201: schema.SOURCE})
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Add a file: .md, .txt, .html, .pdf or .docx."""
        with tenant(self.workspace_id):
            assistant = assistant_of(assistant_id)
        name, content = one_file.read(request._request, limits.LARGEST_FILE)
        source = uploads.add(self.workspace_id, self.actor, assistant, name, content)
        with tenant(self.workspace_id):
            return Response(source_json(source), status=201)


class SourceView(WorkspaceView):
    """One source."""

    permissions = {"GET": "assistants.read", "PATCH": "assistants.write", "DELETE": "assistants.write"}

    @extend_schema(operation_id="knowledge_read", responses={200: schema.SOURCE})
    def get(self, request: Request, assistant_id: UUID, source_id: UUID) -> Response:
        """It, and how it stands."""
        queries.only(request)
        return Response(source_json(sources.get(assistant_id, source_id)))

    @extend_schema(operation_id="knowledge_change", request=_CHANGES.documented, responses={200: schema.SOURCE})
    def patch(self, request: Request, assistant_id: UUID, source_id: UUID) -> Response:
        """Change its title, or how often it is fetched."""
        source = sources.get(assistant_id, source_id, lock=True)
        now = {"title": source.title, "refetch_hours": source.refetch_hours}
        sources.change(self.actor, source, **{**now, **_CHANGES.read(request)})
        return Response(source_json(source))

    @extend_schema(operation_id="knowledge_remove", responses={204: None})
    def delete(self, request: Request, assistant_id: UUID, source_id: UUID) -> Response:
        """Remove it: nothing of it is found any more."""
        sources.remove(self.actor, sources.get(assistant_id, source_id, lock=True))
        return Response(status=204)


class SourceRefetchView(WorkspaceView):
    """Fetching now."""

    permissions = {"POST": "assistants.write"}

    @extend_schema(operation_id="knowledge_refetch", request=None, responses={200: schema.SOURCE})
    def post(self, request: Request, assistant_id: UUID, source_id: UUID) -> Response:
        """Fetch a page or a sitemap now; what it gave before is found meanwhile."""
        source = sources.get(assistant_id, source_id, lock=True)
        sources.refetch(self.actor, source)
        return Response(source_json(source))


class SourcePagesView(WorkspaceView):
    """A source's documents."""

    permissions = {"GET": "assistants.read"}

    @extend_schema(operation_id="knowledge_pages", responses={200: schema.KNOWN_PAGES}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, assistant_id: UUID, source_id: UUID) -> Response:
        """Each with its status and why, in the order in which they were found."""
        queries.only(request, *PARAMETERS)
        rows = KnowledgePage.objects.filter(source=sources.get(assistant_id, source_id)).defer("text")
        return page(request, rows, ORDER, page_json)


class SearchView(WorkspaceView):
    """Finding. No transaction waits for an endpoint of embeddings."""

    permissions = {"POST": "assistants.read"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        return cast(Response, handler(request, **ids_of(kwargs)))

    @extend_schema(operation_id="knowledge_search", request=_SEARCH.documented, responses={200: schema.FOUND})
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """The passages that an answer to this text would be made from, the best first."""
        with tenant(self.workspace_id):
            assistant_of(assistant_id)
        wanted = _SEARCH.read(request)
        if "\x00" in wanted["text"]:
            raise invalid({"text": ["The character NUL can't be searched for."]})
        limiting.hit("knowledge_searches", str(self.workspace_id), words="Much is being searched for")
        found = embedding.passages_waiting(self.workspace_id, assistant_id, wanted["text"], wanted.get("limit", 5))
        return Response({"passages": [passage_json(one) for one in found]})


def passage_json(passage: Passage) -> dict[str, Any]:
    """A passage as it is."""
    return {
        "id": passage.id,
        "title": passage.title,
        "url": passage.url,
        "text": passage.text,
        "score": passage.score,
    }


class EmbeddingsView(WorkspaceView):
    """The endpoint of embeddings. It is sent a secret, so who may set connections may set it."""

    permissions = {"GET": "assistants.read", "PUT": "connections.write", "DELETE": "connections.write"}

    @extend_schema(operation_id="knowledge_embeddings_read", responses={200: schema.EMBEDDINGS})
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """Which endpoint is set, and how it stands."""
        queries.only(request)
        return Response(embeddings_json(assistant_of(assistant_id).id))

    @extend_schema(
        operation_id="knowledge_embeddings_set", request=_EMBEDDINGS.documented, responses={200: schema.EMBEDDINGS}
    )
    def put(self, request: Request, assistant_id: UUID) -> Response:
        """Set it. Passages are sent to it within a few seconds, and again whenever they change."""
        assistant = assistant_of(assistant_id, lock=True)
        wanted = _EMBEDDINGS.read(request)
        embedding.put(self.actor, assistant, **{"secret": "", **wanted})
        return Response(embeddings_json(assistant.id))

    @extend_schema(operation_id="knowledge_embeddings_remove", responses={204: None})
    def delete(self, request: Request, assistant_id: UUID) -> Response:
        """Find by words alone again."""
        embedding.drop(self.actor, assistant_of(assistant_id, lock=True))
        return Response(status=204)


def embeddings_json(assistant_id: UUID) -> dict[str, Any]:
    """The endpoint, or empty words where there is none."""
    row = embedding.of_assistant(assistant_id)
    embedded, passages = embedding.counts(assistant_id)
    return {
        "possible": embedding.is_possible(),
        "base_url": row.base_url if row else "",
        "model": row.model if row else "",
        "secret": row.secret if row else "",
        "dimensions": row.dimensions if row else None,
        "status": row.status if row else None,
        "reason": row.reason if row else "",
        "remedy": row.remedy if row else "",
        "passages": passages,
        "embedded": embedded,
    }
