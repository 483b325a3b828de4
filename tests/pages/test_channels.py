"""Operate, Channels: the list of connections, the catalogue of kinds, and the form that makes a connection."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms

from channels_app import connections, enqueueing
from channels_app.models import Connection, ConnectionSecret, Delivery
from channels_app.providers import registry
from channels_app.providers.base import Capability, ConfigForm
from channels_app.providers.custom_webhook import CustomWebhook
from convoship.lib.tenancy import tenant
from tests import factories
from tests.pages.conftest import Browser, Form, Response, browser_of, form_of, text, words
from workspaces import secret_store
from workspaces.models import Secret, Workspace

SECRET = re.compile(r"whsec_[0-9A-Za-z+/=]{40,}")
NEW = "/app/channels/new/custom_webhook"


class PhoneForm(ConfigForm):
    """As kinds with credentials have it."""

    credentials = ("auth_token",)
    account_sid = forms.CharField(label="Account SID", help_text="On the console's first page.")
    is_loud = forms.BooleanField(label="Loud", required=False)
    auth_token = forms.CharField(
        label="Auth token", help_text="Beside the SID.", error_messages={"required": "Choose the auth token."}
    )


class Phone(CustomWebhook):
    """A kind that needs a credential, has a status address and no secrets of its own."""

    kind, label, purpose = "phone", "Phone", "Text messages."
    config_form = PhoneForm  # type: ignore[assignment]
    own_secrets = ()  # type: ignore[assignment]
    capabilities = frozenset({Capability.STATUS})


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> str:
    """Another kind in the registry; its wizard."""
    monkeypatch.setitem(registry.PROVIDERS, "phone", Phone)
    return "/app/channels/new/phone"


def connect(workspace: Workspace, name: str = "Our bridge", **config: Any) -> Connection:
    assistant = factories.make_assistant(workspace)
    given = {"url": "https://bridge.example/hook", "events": ["message.created"], **config}
    with tenant(workspace.id):
        return connections.create(
            factories.actor(workspace),
            kind="custom_webhook",
            name=name,
            assistant_id=assistant.id,
            config=given,
            credentials={},
        ).connection


def dead_letter(connection: Connection, *, is_test: bool = False, status: str = "failed") -> None:
    with tenant(connection.workspace_id):
        made = enqueueing.enqueue_alone(connection, "message.created", {})
        Delivery.objects.filter(id=made.id).update(status=status, is_test=is_test)


def made(workspace: Workspace) -> list[Connection]:
    with tenant(workspace.id):
        return list(Connection.objects.select_related("assistant").order_by("name"))


def filled(member: Browser, path: str = NEW, **values: str) -> Form:
    form = form_of(member.get(path), path)
    for name, value in values.items():
        form[name.replace("__", "-")] = value
    return form


# --- The list ---------------------------------------------------------------------------------------------------------


def test_a_new_workspace_sees_the_widget_first_and_then_every_kind(member: Browser) -> None:
    page = words(member.get("/app/channels/"))
    assert page.index("Web widget") < page.index("Connections") < page.index("New connection")
    for kind in registry.PROVIDERS.values():
        assert f"{kind.label} {kind.purpose}" in page


def test_who_may_not_connect_sees_the_kinds_without_a_way_in(workspace: Workspace) -> None:
    connect(workspace)
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = text(viewer.get("/app/channels/"))
    assert "Our bridge" in page
    assert NEW not in page


def test_a_connection_stands_there_with_its_kind_assistant_and_health(member: Browser, workspace: Workspace) -> None:
    connection = connect(workspace)
    page = member.get("/app/channels/")
    assert "Our bridge Custom webhook Ada Nothing has gone over it yet. never never" in words(page)
    assert f'href="/app/channels/{connection.id}/"' in text(page)
    with tenant(workspace.id):
        Connection.objects.update(fault="The far end answered 401.")
    assert "The far end answered 401." in words(member.get("/app/channels/"))


def test_dead_letters_are_counted_on_their_connection_and_in_the_navigation(
    member: Browser, workspace: Workspace
) -> None:
    connection = connect(workspace)
    assert "not delivered" not in words(member.get("/app/channels/"))
    dead_letter(connection)
    dead_letter(connection, status="unknown")
    dead_letter(connection, is_test=True)
    page = member.get("/app/channels/")
    assert "3 not delivered over Our bridge" in words(page)
    assert f'href="/app/channels/{connection.id}/deliveries?show=dead"' in text(page)
    # What was only a test is no reason to come from another page.
    assert "Channels 2 not delivered" in words(member.get("/app/assistants/"))


# --- The form ---------------------------------------------------------------------------------------------------------


def test_a_connection_is_made_and_its_secrets_are_shown_once(member: Browser, workspace: Workspace) -> None:
    factories.make_assistant(workspace)
    form = filled(member, name="Our bridge", config__url="https://bridge.example/hook")
    answer = member.send(form)
    (connection,) = made(workspace)
    assert (connection.name, connection.assistant and connection.assistant.name) == ("Our bridge", "Ada")
    assert connection.config == {
        "url": "https://bridge.example/hook",
        "events": ["message.created", "conversation.handoff", "conversation.ended"],
        "desk": False,
    }
    assert "no-store" in answer["Cache-Control"]
    shown = SECRET.findall(text(answer))
    assert len(set(shown)) == 2
    assert f"/v1/public/channels/custom_webhook/{connection.id}" in text(answer)
    assert "Status address" not in text(answer)

    again = text(member.send(form))
    assert "That connection was made already, and its secrets are shown only once." in again
    assert len(made(workspace)) == 1
    page = text(member.get(f"/app/channels/{connection.id}/settings"))
    assert not SECRET.search(page)
    with tenant(workspace.id):
        assert all(row.hint in page for row in ConnectionSecret.objects.all())


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(member: Browser, workspace: Workspace) -> None:
    factories.make_assistant(workspace)
    form = filled(member, name="  ", config__url="http://bridge.example/hook")
    form["config-events"] = ["conversation.ended"]
    answer = member.send(form)
    assert answer.status_code == 422
    page = words(answer)
    assert "Give the connection a name." in page
    assert "Only https addresses are called" in page
    again = form_of(answer, NEW)
    assert again["config-url"] == "http://bridge.example/hook"
    assert again.values["config-events"] == ["conversation.ended"]
    assert made(workspace) == []
    again["name"], again["config-url"] = "Our bridge", "https://bridge.example/hook"
    assert "Our bridge is made" in words(member.send(again))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("config-url", "", "Give the address that events are posted to."),
        ("config-url", "https://bridge.example/\x00", "Null characters are not allowed."),
        ("config-events", [], "Choose at least one."),
        ("config-events", ["message.deleted"], "“message.deleted” is none of the choices: "),
        ("name", "x" * 101, "at most 100 characters"),
        ("assistant", "", "Choose the assistant that answers."),
        ("assistant", "nobody", "Choose one of your published assistants."),
    ],
)
def test_bad_input_is_answered_with_words(
    member: Browser, workspace: Workspace, name: str, value: str | list[str], said: str
) -> None:
    factories.make_assistant(workspace)
    form = filled(member, config__url="https://bridge.example/hook")
    form.values[name] = value if isinstance(value, list) else [value]
    answer = member.send(form)
    assert answer.status_code == 422
    assert said in words(answer)
    assert made(workspace) == []


def test_an_assistant_that_is_not_published_is_named_with_the_way_to_publish_it(
    member: Browser, workspace: Workspace
) -> None:
    assert "There is no assistant yet." in words(member.get(NEW))
    draft = factories.make_assistant(workspace, published=False, name="Bea")
    page = member.get(NEW)
    assert "Not published yet, so nothing of them could answer: Bea" in words(page)
    assert f'href="/app/assistants/{draft.id}/"' in text(page)
    form = filled(member, config__url="https://bridge.example/hook")
    form.values["assistant"] = [str(draft.id)]
    assert "Choose one of your published assistants." in words(member.send(form))


def test_a_kind_that_is_not_there_is_404(member: Browser) -> None:
    assert member.get("/app/channels/new/telegraph").status_code == 404


# --- Credentials ------------------------------------------------------------------------------------------------------


def a_secret(workspace: Workspace, key: str = "twilio_token") -> None:
    with tenant(workspace.id):
        secret_store.write(factories.actor(workspace), key, "an-old-value-of-a-secret")


def test_a_credential_is_the_key_of_a_secret_that_is_there(member: Browser, workspace: Workspace, phone: str) -> None:
    factories.make_assistant(workspace)
    a_secret(workspace)
    form = filled(member, phone, config__account_sid="AC1", credential__auth_token="twilio_token")
    answer = member.send(form)
    (connection,) = made(workspace)
    assert connection.credentials == {"auth_token": "twilio_token"}
    assert connection.config == {"account_sid": "AC1", "is_loud": False}
    assert f"/phone/{connection.id}/status" in text(answer)
    # It has no secret of its own that would be shown here.
    assert "Copy its secrets now" not in words(answer)


def test_a_new_secret_is_written_right_there(member: Browser, workspace: Workspace, phone: str) -> None:
    factories.make_assistant(workspace)
    form = filled(member, phone, config__account_sid="AC1", new_value__auth_token=" sesame-open-the-door ")
    assert form["new_key-auth_token"] == "phone_auth_token"
    answer = member.send(form)
    assert "sesame" not in text(answer)
    assert made(workspace)[0].credentials == {"auth_token": "phone_auth_token"}
    with tenant(workspace.id):
        assert secret_store.value_of("phone_auth_token") == "sesame-open-the-door"
    # The next is suggested another key.
    assert form_of(member.get(phone), phone)["new_key-auth_token"] == "phone_auth_token_2"


def test_a_form_that_is_refused_writes_no_secret_and_says_that_it_has_to_be_pasted_again(
    member: Browser, workspace: Workspace, phone: str
) -> None:
    factories.make_assistant(workspace)
    answer = member.send(filled(member, phone, new_value__auth_token="sesame-open-the-door"))
    assert answer.status_code == 422
    assert "sesame" not in text(answer)
    assert "is written, and chosen" not in words(answer)
    assert words(answer).count("Paste it again: what you typed is not kept, and not shown back.") == 2
    with tenant(workspace.id):
        assert not Secret.objects.exists()
    form = form_of(answer, phone)
    assert (form["credential-auth_token"], form["new_key-auth_token"]) == ("", "phone_auth_token")
    form["config-account_sid"], form["new_value-auth_token"] = "AC1", "sesame-open-the-door"
    assert "is made" in words(member.send(form))
    with tenant(workspace.id):
        assert [row.key for row in Secret.objects.all()] == ["phone_auth_token"]


def test_a_form_that_is_refused_says_first_what_has_to_be_mended_and_leads_there(member: Browser) -> None:
    fields = {"config__account_sid": "AC1", "config__longest_call": "99999"}
    answer = member.send(filled(member, "/app/channels/new/twilio_voice", name="", **fields))
    assert answer.status_code == 422
    page = text(answer)
    summary = page[page.index('id="to-mend"') : page.index('<form class="card"')]
    assert 'role="alert" tabindex="-1" autofocus' in summary
    said = re.findall(r'<a href="#([^"]+)">([^<]+)</a>: ([^<]+)<', summary)
    assert f"{len(said)} things to mend" in summary
    assert said[0] == ("id_name", "Name", "Give the connection a name.")
    assert ("id_config-account_sid", "Account SID", "An account SID is AC and 32 characters of 0-9 and a-f.") in said
    assert said[-1] == ("id_config-longest_call", "Longest call", "At most 1440.")
    for field_id, _, _ in said:
        assert f'id="{field_id}"' in page
    assert 'id="to-mend"' not in text(member.get("/app/channels/new/twilio_voice"))


def test_no_secret_is_overwritten_from_here(member: Browser, workspace: Workspace, phone: str) -> None:
    factories.make_assistant(workspace)
    a_secret(workspace)
    form = filled(
        member,
        phone,
        config__account_sid="AC1",
        new_key__auth_token="twilio_token",
        new_value__auth_token="sesame-open-the-door",
    )
    answer = member.send(form)
    assert answer.status_code == 422
    page = words(answer)
    assert "There is a secret by this key. Choose it above, or give this one another key." in page
    assert "Paste it again: what you typed is not kept, and not shown back." in page
    assert "sesame" not in text(answer)
    with tenant(workspace.id):
        assert secret_store.value_of("twilio_token") == "an-old-value-of-a-secret"


def test_a_secret_that_somebody_writes_at_the_same_moment_is_not_replaced(
    member: Browser, workspace: Workspace, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_assistant(workspace)
    check = secret_store._check

    def check_late(key: str, value: str) -> None:
        monkeypatch.setattr(secret_store, "_check", check)
        secret_store.write(factories.actor(workspace), key, "what-somebody-else-wrote")
        check(key, value)

    form = filled(member, phone, config__account_sid="AC1", new_value__auth_token="sesame-open-the-door")
    monkeypatch.setattr(secret_store, "_check", check_late)
    answer = member.send(form)
    assert answer.status_code == 422
    assert "There is a secret phone_auth_token already." in words(answer)
    assert made(workspace) == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("Twilio Token", "sesame", secret_store.KEY_WORDS),
        ("nul\x00", "sesame", secret_store.KEY_WORDS),
        ("token", "x" * 8001, "This is too long"),
        ("token", "sesame\x00", "a character that can't be stored"),
        ("token", "", "There is no secret to choose yet: write a new one"),
    ],
)
def test_what_is_wrong_with_a_new_secret_stands_beside_it(
    member: Browser, workspace: Workspace, phone: str, key: str, value: str, said: str
) -> None:
    factories.make_assistant(workspace)
    form = filled(member, phone, config__account_sid="AC1")
    form.values["new_key-auth_token"], form.values["new_value-auth_token"] = [key], [value]
    answer: Response = member.send(form)
    assert answer.status_code == 422
    assert said in words(answer)
    assert made(workspace) == []
    with tenant(workspace.id):
        assert not Secret.objects.exists()


def test_a_key_that_has_no_secret_is_refused(member: Browser, workspace: Workspace, phone: str) -> None:
    factories.make_assistant(workspace)
    form = filled(member, phone, config__account_sid="AC1")
    form.values["credential-auth_token"] = ["gone"]
    answer = member.send(form)
    assert answer.status_code == 422
    assert "There is no secret by this key." in words(answer)


def test_a_gateway_works_turn_by_turn_unless_it_is_said_otherwise(member: Browser, workspace: Workspace) -> None:
    factories.make_assistant(workspace)
    form = filled(member, "/app/channels/new/voice_gateway", name="Our gateway")
    assert form.values["config-mode"] == ["turns"]
    member.send(form)
    (connection,) = made(workspace)
    assert (connection.kind, connection.config["mode"]) == ("voice_gateway", "turns")
    member.send(form_of(member.get(f"/app/channels/{connection.id}/settings"), "/change"))
    assert made(workspace)[0].config["mode"] == "turns"


def test_a_list_that_has_a_choice_already_is_not_called_optional_and_unfolds_nothing(member: Browser) -> None:
    page = member.get("/app/channels/new/twilio_voice").content.decode()
    assert '<details class="disclosure" >' in page
    label = page[page.index('for="id_config-mode"') :]
    assert "optional" not in label[: label.index("</label>")]
    answer = member.send(filled(member, "/app/channels/new/twilio_voice", config__barge_in="off"))
    assert '<details class="disclosure" open>' in answer.content.decode()


def test_what_few_need_is_folded_away_until_it_is_wrong(member: Browser) -> None:
    page = member.get("/app/channels/new/twilio_sms").content.decode()
    assert '<details class="disclosure" >' in page
    assert page.index("Account SID") < page.index("More settings") < page.index("Messages a second")
    answer = member.send(filled(member, "/app/channels/new/twilio_sms", config__rate="-1"))
    assert answer.status_code == 422
    assert '<details class="disclosure" open>' in answer.content.decode()


def label_of(page: str, name: str) -> str:
    start = page.index(f'for="{name}"')
    return page[start : page.index("</label>", start)]


def test_of_a_pair_of_credentials_that_is_needed_neither_is_called_optional(member: Browser) -> None:
    page = member.get("/app/channels/new/zendesk").content.decode()
    for name, is_optional in (("client_id", False), ("client_secret", False), ("webhook_secret", True)):
        assert ("(optional)" in label_of(page, f"credential-{name}")) == is_optional, name


def test_what_servicenow_needs_unless_it_is_looked_at_often_is_not_called_optional(member: Browser) -> None:
    page = member.get("/app/channels/new/servicenow").content.decode()
    for name in ("username", "password", "client_id", "client_secret", "webhook_secret"):
        assert "(optional)" not in label_of(page, f"credential-{name}"), name


def test_what_messaging_and_older_accounts_need_is_folded_away_until_it_is_missed(
    member: Browser, workspace: Workspace
) -> None:
    factories.make_assistant(workspace)
    page = member.get("/app/channels/new/zendesk").content.decode()
    folded = page.index("<summary>More settings")
    for name in ("config-subdomain", "config-mode", "credential-client_secret", "config-tags"):
        assert page.index(f'name="{name}"') < folded, name
    for name in ("config-app_id", "config-integration_id", "credential-email", "credential-api_token"):
        assert page.index(f'name="{name}"') > folded, name
    form = filled(member, "/app/channels/new/zendesk", config__subdomain="acme", config__mode="messaging")
    answer = member.send(form)
    assert answer.status_code == 422
    assert "Messaging needs the app&#x27;s ID." in answer.content.decode()
    body = answer.content.decode()
    assert body[: body.index("<summary>More settings")].rstrip().endswith('<details class="disclosure" open>')
