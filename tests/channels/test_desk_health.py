"""How a desk's connection says that it stands: by the credential that it really uses, per kind and way to sign in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.utils import timezone

from channels_app import health
from channels_app.models import Connection, RefusedRequest
from channels_app.providers import oauth
from channels_app.providers.base import ProviderError
from channels_app.providers.servicenow.api import Api as ServicenowApi
from channels_app.providers.zendesk.api import Api as ZendeskApi
from channels_app.rehearsal import rehearsing
from convoship.lib.tenancy import tenant
from tests import factories
from tests.channels import servicenow_instance, test_zendesk
from tests.channels.far_end import FarEnd, Said, Seen
from workspaces.models import Workspace

WRONG = [
    ("zendesk", "signature_wrong", "signature", "“Webhook's signing secret”"),
    ("genesys", "signature_wrong", "signature", "“Webhook's signature secret”"),
    ("genesys", "header_wrong", "secret", "“Webhook's signature secret”"),
    ("servicenow", "signature_wrong", "signature", "“Secret that ServiceNow signs with”"),
    ("servicenow", "secret_wrong", "secret", "“Secret that ServiceNow signs with”"),
    ("twilio_sms", "signature_wrong", "signature", "auth token"),
    ("custom_webhook", "signature_wrong", "signature", "inbound secret"),
]


def connection(workspace: Workspace, kind: str) -> Connection:
    assistant = factories.make_assistant(workspace)
    return rehearsing.begin(factories.actor(workspace), kind=kind, assistant_id=assistant.id).connection


def refused(row: Connection, reason: str) -> None:
    now = timezone.now()
    RefusedRequest.objects.create(connection=row, reason=reason, detail="Why.", hour=now, last_at=now, count=2)


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "reason", "what", "called"), WRONG)
def test_what_was_refused_is_to_be_compared_with_the_credential_that_it_is_checked_with(
    kind: str, reason: str, what: str, called: str
) -> None:
    workspace = factories.make_workspace()
    with tenant(workspace.id):
        row = connection(workspace, kind)
        refused(row, reason)
        said = health.standing(row)
    assert said.words.startswith(f"2 requests with a wrong {what} were refused since")
    assert said.remedy.startswith(f"Compare the {called} of this connection with what the sender uses.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("zendesk", "Set the addresses at Zendesk, or write it in its settings."),
        ("genesys", "Set the addresses at Genesys, or write it in its settings."),
        ("servicenow", "Write it in its settings."),
    ],
)
def test_a_connection_that_can_check_nothing_for_want_of_a_secret_says_so(kind: str, remedy: str) -> None:
    workspace = factories.make_workspace()
    with tenant(workspace.id):
        row = connection(workspace, kind)
        del row.credentials["webhook_secret"]
        # What came before it lost its secret makes nothing good.
        row.last_inbound_at = timezone.now()
        row.save()
        refused(row, "no_secret")
        said = health.standing(row)
    assert "refused since" in said.words
    assert said.words.endswith("nothing can be checked.")
    assert said.remedy == remedy


CLIENT = {"client_id": "convoship", "client_secret": "s"}
CLIENTS: list[tuple[Any, dict[str, str], str, str]] = [
    (ZendeskApi, CLIENT, "OAuth client", "API token"),
    (ZendeskApi, {"email": "me@example.com", "api_token": "t"}, "API token", "OAuth client"),
    (ServicenowApi, CLIENT, "OAuth application", "password"),
    (ServicenowApi, {"username": "convoship", "password": "p"}, "password", "OAuth"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("api", "credentials", "named", "other"), CLIENTS)
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_sign_in_names_what_the_connection_signs_in_with_and_nothing_else(
    far: FarEnd, api: Any, credentials: dict[str, str], named: str, other: str, status: int
) -> None:
    oauth._kept.clear()

    def answer(seen: Seen) -> Said:
        is_token = seen.path.startswith(("/oauth/tokens", "/oauth_token.do"))
        body = {"access_token": base64.b64encode(b"t").decode(), "expires_in": 1800} if is_token else {"error": "No"}
        return Said(200 if is_token else status, body=json.dumps(body).encode())

    far.answers = answer
    make = test_zendesk.account if api is ZendeskApi else servicenow_instance.account
    with pytest.raises(ProviderError) as found:
        await api(make(f"http://127.0.0.1:{far.port}", credentials)).call("GET", "/api/v2/users/me")
    assert other not in found.value.remedy
    assert status == 403 or named in found.value.remedy
