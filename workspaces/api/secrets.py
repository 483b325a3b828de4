"""Secrets: named, written, replaced, deleted. Their values go in and never come out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import moment
from workspaces import secret_hosts, secret_store
from workspaces.api import queries, schema
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.ids import Name
from workspaces.models import Secret
from workspaces.secret_hosts import Granted
from workspaces.secret_store import Use

_VALUE = Body(schema.SECRET_VALUE)


def secret_json(secret: Secret, uses: list[Use], hosts: list[Granted]) -> dict[str, Any]:
    """A secret as the API shows it."""
    return {
        "key": secret.key,
        "last_four": secret.hint,
        "set_by": secret.set_by_label,
        "set_at": moment(secret.set_at),
        "used_by": [{"what": use.what, "name": use.name, "path": use.path} for use in uses],
        "hosts": [
            {
                "host": one.row.host,
                "granted_by": one.row.granted_by_label,
                "granted_at": moment(one.row.granted_at),
                "in_use": one.is_used,
            }
            for one in hosts
        ],
    }


def _shown(secret: Secret) -> dict[str, Any]:
    key = secret.key
    return secret_json(secret, secret_store.uses().get(key, []), secret_hosts.granted().get(key, []))


class SecretsView(WorkspaceView):
    """All secrets."""

    permissions = {"GET": "secrets.read"}

    @extend_schema(operation_id="secrets_list", responses={200: schema.SECRETS})
    def get(self, request: Request) -> Response:
        """The workspace's secrets by key, at most 500, with what uses each. Values never come back."""
        queries.only(request)
        uses, hosts = secret_store.uses(), secret_hosts.granted()
        rows = [
            secret_json(row, uses.get(row.key, []), hosts.get(row.key, [])) for row in Secret.objects.order_by("key")
        ]
        return Response({"results": rows, "next": None, "previous": None})


class SecretView(WorkspaceView):
    """One secret."""

    permissions = {"GET": "secrets.read", "PUT": "secrets.write", "DELETE": "secrets.write"}

    @extend_schema(operation_id="secrets_read", responses={200: schema.SECRET})
    def get(self, request: Request, key: Name) -> Response:
        """The secret, without its value."""
        queries.only(request)
        secret = secret_store.get(key)
        return Response(_shown(secret))

    @extend_schema(
        operation_id="secrets_write", request=_VALUE.documented, responses={200: schema.SECRET, 201: schema.SECRET}
    )
    def put(self, request: Request, key: Name) -> Response:
        """Write the secret, new (201) or in place of what it was (200). What uses it takes the new value at once.

        A new value goes to the hosts to which it is sent now and to no other (`hosts`).
        """
        secret, is_new = secret_store.write(self.actor, key, _VALUE.read(request)["value"])
        return Response(_shown(secret), status=201 if is_new else 200)

    @extend_schema(operation_id="secrets_delete", request=None, responses={204: None})
    def delete(self, request: Request, key: Name) -> Response:
        """Delete the secret. What still uses it (`used_by`) fails from then on, and says so."""
        secret_store.delete(self.actor, key)
        return Response(status=204)
