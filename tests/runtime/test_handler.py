"""The visitors' API as the ASGI server sees it: its own short chain of middleware (convoship/lib/runtime_handler)."""

from __future__ import annotations

import json
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from convoship.lib import runtime_handler
from tests.runtime.conftest import BASE, ORIGIN, Site

pytestmark = pytest.mark.asyncio


async def status_at(host: str, path: str) -> int:
    """What the product's application answers to a page's request by this host."""
    from convoship.asgi import application

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "client": ["127.0.0.1", 4711],
    }
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    head = await communicator.receive_output(5)
    await communicator.wait(5)
    return int(head["status"])


async def ask(
    method: str, path: str, headers: dict[str, str], body: bytes = b"", *, more: bool = False
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of a request to the product's application."""
    from convoship.asgi import application

    sent = {"host": "127.0.0.1", "origin": ORIGIN, "content-type": "application/json", "content-length": str(len(body))}
    sent |= headers
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": BASE + path,
        "raw_path": (BASE + path).encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ["127.0.0.1", 4711],
    }
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request", "body": body, "more_body": more})
    head = await communicator.receive_output(5)
    answer = (await communicator.receive_output(5))["body"]
    await communicator.wait(5)
    received = {name.decode().lower(): value.decode() for name, value in head["headers"]}
    return head["status"], received, json.loads(answer) if answer else None


async def test_a_visitor_is_answered_with_cors_and_strict_headers_and_without_cookies(site: Site) -> None:
    body = json.dumps({"agent_id": site.agent_id}).encode()
    status, headers, data = await ask("POST", "/sessions", {"authorization": f"Bearer {site.token}"}, body)
    assert status == 201
    assert data["messages"]
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "origin" in headers["vary"].lower()
    assert int(headers["content-length"]) > 0
    assert "set-cookie" not in headers


async def test_a_preflight_is_answered(site: Site) -> None:
    status, headers, _ = await ask("OPTIONS", "/sessions", {"access-control-request-method": "POST"})
    assert status == 200
    assert "authorization" in headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/nothing", {}, 404, "not_found"),
        ("DELETE", "/sessions", {}, 405, "method_not_allowed"),
        ("POST", "/sessions", {}, 401, "token_missing"),
        ("POST", "/sessions", {"host": "evil.example"}, 422, "invalid"),
    ],
)
async def test_what_is_refused_is_a_problem_that_the_page_can_read(
    site: Site, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answered, received, data = await ask(method, path, headers, b"{}")
    assert (answered, data["code"]) == (status, code)
    assert received["content-type"].startswith("application/problem+json")


async def test_a_handler_that_breaks_tells_no_detail(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from deployments.api.runtime import bodies

    def breaks(_raw: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(bodies, "session_request", breaks)
    status, headers, data = await ask("POST", "/sessions", {"authorization": f"Bearer {site.token}"}, b"{}")
    assert (status, data["code"]) == (500, "internal")
    assert "secret detail" not in json.dumps(data)
    assert headers["access-control-allow-origin"] == ORIGIN


async def test_a_body_beyond_all_limits_is_not_read_to_its_end(site: Site) -> None:
    headers = {"authorization": f"Bearer {site.token}", "content-length": "999999999"}
    most = runtime_handler.LARGEST_BODY
    status, _, data = await ask("POST", "/sessions", headers, b" " * (most + 1), more=True)
    assert (status, data["code"]) == (413, "payload_too_large")


async def test_a_body_that_the_disk_has_no_room_for_is_told_to_come_again(site: Site, monkeypatch: Any) -> None:
    class Full(SpooledTemporaryFile[bytes]):
        def write(self, *args: Any) -> Any:
            raise OSError("no space left on device")

    monkeypatch.setattr(runtime_handler, "SpooledTemporaryFile", Full)
    status, headers, data = await ask("POST", "/sessions", {}, b"{}")
    assert (status, data["code"], headers["retry-after"]) == (503, "unavailable", "30")


# What the view itself answers to a link that nobody made is 403, so 404 is the host's.
FORGED = "/files/nothing.nothing"


@pytest.mark.parametrize("files", ["https://files.example", "https://console.example:8443"])
async def test_the_origin_of_files_gives_out_files_alone_and_no_other_gives_them(settings: Any, files: str) -> None:
    settings.PUBLIC_BASE_URL, settings.FILES_BASE_URL = "https://console.example", files
    settings.ALLOWED_HOSTS = ["*"]
    host = files.removeprefix("https://")
    assert await status_at(host, FORGED) == 403
    for path in ("/", "/accounts/login/", "/app/", "/v1/public/runtime/config", "/embed/v1.js", "/healthz"):
        assert await status_at(host, path) == 404, path
    assert await status_at(host, "/static/app/nothing.css") == 404
    assert await status_at("console.example", FORGED) == 404
    assert await status_at("console.example:443", FORGED) == 404
    assert await status_at("console.example", "/healthz") == 200
    assert await status_at("[", FORGED) == 404


async def test_the_host_of_files_with_a_dot_at_its_end_is_the_same_host(settings: Any) -> None:
    settings.PUBLIC_BASE_URL, settings.FILES_BASE_URL = "https://console.example", "https://files.example"
    settings.ALLOWED_HOSTS = ["*"]
    assert await status_at("files.example.", "/sign-in/") == 404
    assert await status_at("files.example.", FORGED) == 403
    assert await status_at("console.example.", FORGED) == 404


async def test_the_host_of_files_opens_no_socket(settings: Any) -> None:
    from convoship.asgi import application

    settings.FILES_BASE_URL = "https://files.example"
    scope = {"type": "websocket", "path": "/v1/public/runtime/socket", "headers": [(b"host", b"files.example")]}
    communicator = ApplicationCommunicator(application, scope)
    assert (await communicator.receive_output(5))["type"] == "websocket.close"


async def test_one_origin_gives_out_both(settings: Any) -> None:
    settings.PUBLIC_BASE_URL = settings.FILES_BASE_URL = "https://console.example"
    settings.ALLOWED_HOSTS = ["*"]
    assert await status_at("console.example", FORGED) == 403
    assert await status_at("console.example", "/healthz") == 200
