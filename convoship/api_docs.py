"""What the API says of itself: the OpenAPI document, and the page where people read it."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from deployments.theme import THEME_SCHEMA
from workspaces.api.schema import COMPONENTS, published

RUNTIME = "/v1/public/runtime"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

# The first part of a path -> under which heading its calls stand.
_TAGS = {
    "me": ("Key", "Whose key this is and what it may do."),
    "assistants": ("Assistants", "What answers: drafts, publishing, trying."),
    "deployments": ("Deployments", "Where an assistant is embedded, and the token that opens it."),
    "origins": ("Origins", "What an allowed origin means, before it is saved."),
    "connections": ("Connections", "Links to providers: set up, tested, and what went over them."),
    "deliveries": ("Deliveries", "What was sent to a provider, every attempt at it, and sending it again."),
    "secrets": ("Secrets", "Credentials that connections name by key. Values go in and never come out."),
    "conversations": ("Conversations", "What was said, and answering as a person."),
    "people": ("People", "Who talks with you, over all channels: found, corrected, merged, blocked, exported, erased."),
    "person-fields": ("Fields of people", "What the workspace keeps of each person beside name and e-mail."),
    "budgets": ("Budgets", "How much of the workspace's models visitors may use, and what happens when it is spent."),
    "usage": ("Usage", "Who used how much of what the models cost."),
    "model-prices": ("Prices of models", "What a model costs a million tokens, from which day on."),
    "canned-replies": ("Canned replies", "Replies that members write once and use often."),
    "public": ("Visitors", "What the widget calls. Every request comes from an allowed origin of the deployment."),
}
_SCHEMES = {
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
        "description": "A signed-in browser: `X-CSRFToken` with every change, `X-Workspace-Id` to pick a workspace.",
    },
    "ApiKey": {"type": "http", "scheme": "bearer", "description": "`csk_...`, made under Workspace, API keys."},
    "DeploymentToken": {"type": "http", "scheme": "bearer", "description": "`cdp_...`, the token in a snippet."},
    "VisitorToken": {"type": "http", "scheme": "bearer", "description": "`cst_...`, from `POST /sessions`."},
}
_WORDS = {
    "401": "The token is missing, wrong, revoked or expired.",
    "403": "The token or role may not do this, or the page's origin is not allowed.",
    "404": "There is nothing at this address that this token may see.",
    "406": "The call answers application/json only.",
    "409": "It conflicts with how things are now, or with an earlier use of the same key.",
    "413": "The body is larger than this call takes.",
    "415": "Send application/json.",
    "422": "A field is missing or wrong; `errors` names each.",
    "429": "Too many; `Retry-After` says when to try again.",
    "503": "What this needs is away for a moment; `Retry-After` says when to try again.",
    "default": "Whatever else goes wrong.",
}
_SUCCESS = {"200": "As it is now.", "201": "Made.", "202": "Accepted.", "204": "Done; there is nothing to say."}
_METHODS = {"get", "post", "put", "patch", "delete"}


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last step: tags, who may call, what can go wrong, and the named schemas."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(COMPONENTS)
    components["schemas"] = dict(sorted(components["schemas"].items()))
    components["securitySchemes"] = _SCHEMES
    components["responses"] = {
        _name(status): {"description": words, "content": _PROBLEM} for status, words in _WORDS.items()
    }
    result["tags"] = [{"name": name, "description": words} for name, words in _TAGS.values()]
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _complete(path, method, operation)
    return result


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["tags"] = [_TAGS[next(part for part in reversed(path.split("/")) if part in _TAGS)][0]]
    operation["security"] = [{scheme: []} for scheme in _schemes(path)]
    # A docstring's first line is the heading; what follows it, if anything, the description.
    operation["summary"], _, rest = operation.pop("description", "").partition("\n")
    if rest.strip():
        operation["description"] = rest.strip()
    if "requestBody" in operation:
        content = published(operation["requestBody"]["content"])
        required = any(body["schema"].get("required") for body in content.values())
        operation["requestBody"] = {"content": content, "required": required}
    for status, response in operation["responses"].items():
        response["description"] = _SUCCESS[status]
    for status in _faults(path, method, operation):
        operation["responses"][status] = {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: str) -> str:
    return f"Problem{status}" if status.isdigit() else "ProblemOther"


def _schemes(path: str) -> list[str]:
    if not path.startswith(RUNTIME):
        return ["ApiKey", "Session"]
    return ["VisitorToken" if "{" in path else "DeploymentToken"]


def _faults(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    statuses = ["401", "403", "406", "default"]
    if "{" in path:
        statuses.append("404")
    if method != "get":
        statuses.append("409")
    if "requestBody" in operation:
        statuses += ["413", "415", "422"]
    elif operation.get("parameters") and method == "get":
        statuses.append("422")
    if path.startswith(RUNTIME) and method == "post":
        statuses.append("429")
    return sorted(set(statuses))


@lru_cache(maxsize=1)
def document() -> tuple[bytes, str]:
    """The document with this server's address in it, and its ETag. Made once a process."""
    made = SchemaGenerator().get_schema(request=None, public=True)
    return _with_etag({**made, "servers": [{"url": settings.PUBLIC_BASE_URL}]})


@lru_cache(maxsize=1)
def theme_document() -> tuple[bytes, str]:
    """Theme JSON's schema for editors, and its ETag. Made once a process."""
    own = {"$schema": THEME_SCHEMA["$schema"], "$id": f"{settings.PUBLIC_BASE_URL}/v1/theme-schema.json"}
    return _with_etag({**own, **published(THEME_SCHEMA)})


def _with_etag(made: dict[str, Any]) -> tuple[bytes, str]:
    raw = json.dumps(made, indent=2).encode()
    return raw, f'"{hashlib.sha256(raw).hexdigest()[:32]}"'


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """`GET /v1/openapi.json`."""
    return _answer(request, document(), "application/json")


@require_safe
def theme_schema(request: HttpRequest) -> HttpResponse:
    """`GET /v1/theme-schema.json`: what a Theme may be, for editors that check JSON while it is typed."""
    return _answer(request, theme_document(), "application/schema+json")


def _answer(request: HttpRequest, found: tuple[bytes, str], content_type: str) -> HttpResponse:
    raw, etag = found
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(raw, content_type=content_type, headers=headers)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`GET /v1/docs`: the document for people, with a way to try calls with a key of one's own."""
    return render(request, "api/docs.html")
