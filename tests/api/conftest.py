"""A customer's program at the admin API: real views, real PostgreSQL under row-level security."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from tests import factories
from workspaces.models import Workspace


@dataclass
class Program:
    """Something that holds an API key of a workspace."""

    workspace: Workspace
    token: str | None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call `/v1/...`; the answer carries `.data`, its JSON."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        response: Any = self.client.generic(
            method, f"/v1{path}", raw, content_type="application/json", headers={**sent, **headers}
        )
        response.data = json.loads(response.content) if response.content else None
        return response

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH."""
        return self.call("PATCH", path, body)

    def made(self, path: str, body: Any) -> Any:
        """POST that must make something: its JSON."""
        response = self.post(path, body)
        assert response.status_code == 201, response.content
        return response.data


def program(scopes: tuple[str, ...] | None = None, workspace: Workspace | None = None) -> Program:
    """A program in a workspace of its own, with every scope unless told otherwise."""
    workspace = workspace or factories.make_workspace()
    key = factories.make_api_key(workspace, scopes) if scopes else factories.make_api_key(workspace)
    return Program(workspace, key.token)


@pytest.fixture
def api(db: None) -> Program:
    """A program that may do everything in its workspace."""
    return program()


@pytest.fixture
def stranger(db: None) -> Program:
    """One that may do everything in another workspace."""
    return program()
