"""A site on this machine that knowledge is read from, and an assistant that reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from deployments.knowledge import fetching, rounds
from deployments.models import Assistant, KnowledgePage, KnowledgeSource
from deployments.responders.base import Passage
from tests import factories
from workspaces.models import Workspace

Answer = Callable[[BaseHTTPRequestHandler], None]


class Site(ThreadingHTTPServer):
    """Pages by their path; what is none answers 404. `asked` has every request's path and headers, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pages: dict[str, tuple[bytes, dict[str, str]] | Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def page(self, path: str, body: str | bytes, **headers: str) -> str:
        """Put something at a path; its address."""
        raw = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (raw, {"Content-Type": "text/html; charset=utf-8", **named})
        return self.url + path

    def paths(self) -> list[str]:
        """What was asked for, but for robots.txt."""
        return [path for path, _ in self.asked if path != "/robots.txt"]


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers))
        found = self.server.pages.get(self.path)
        if callable(found):
            found(self)
            return
        if found is None:
            reply(self, b"nothing here", 404)
            return
        body, more = found
        if more.get("ETag") and headers.get("if-none-match") == more["ETag"]:
            reply(self, b"", 304)
            return
        reply(self, body, 200, **more)

    def log_message(self, *_: object) -> None:
        pass


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer a request."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def moved(to: str) -> Answer:
    """A redirect."""
    return lambda handler: reply(handler, b"", 302, Location=to)


@pytest.fixture
def site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site that may be called although it is on this machine, and that need not be asked slowly."""
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", server.port)})
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0.0)
    yield server
    server.shutdown()
    server.server_close()


@dataclass
class Reader:
    """An assistant that reads, and what it knows."""

    workspace: Workspace
    assistant: Assistant
    actor: Actor
    sources: list[KnowledgeSource] = field(default_factory=list)

    def add(self, act: Callable[..., KnowledgeSource], **what: Any) -> KnowledgeSource:
        """Add a source by its act and let a worker read it to its end; the source as it is then."""
        with tenant(self.workspace.id):
            source = act(self.actor, self.assistant, **what)
        return self.read(source)

    def read(self, source: KnowledgeSource) -> KnowledgeSource:
        """Do all that is due now of a source."""
        for _ in range(50):
            if not rounds.read(self.workspace.id, source.id):
                break
        return self.again(source)

    def again(self, source: KnowledgeSource) -> KnowledgeSource:
        """The source as it is in the database."""
        with tenant(self.workspace.id):
            return KnowledgeSource.objects.get(id=source.id)

    def pages(self, source: KnowledgeSource) -> list[KnowledgePage]:
        """Its documents, in order."""
        with tenant(self.workspace.id):
            return list(KnowledgePage.objects.filter(source=source).order_by("position", "url"))

    def find(self, text: str, limit: int = 5) -> list[Passage]:
        """What is found for this."""
        from deployments.knowledge import searching

        with tenant(self.workspace.id):
            return searching.find(self.assistant.id, text, limit)


def reader_in(workspace: Workspace) -> Reader:
    """An assistant of this workspace that knows nothing yet."""
    assistant = factories.make_assistant(workspace, published=False, template=None, name="Reader")
    return Reader(workspace, assistant, factories.actor(workspace))


@pytest.fixture
def reader(db: None) -> Reader:
    """An assistant in a workspace of its own."""
    return reader_in(factories.make_workspace())


HELP = """<!doctype html><html lang="en"><head><title>{title} | Shop</title></head><body>
<nav>Home Products About us</nav><main><h1>{title}</h1><p>{text}</p></main><footer>Imprint</footer></body></html>"""


def help_page(title: str, text: str) -> str:
    """A page of help, with the parts around it that every page of a site has."""
    return HELP.format(title=title, text=text)
