"""Workspace, Secrets: written, replaced and deleted with a warning, and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.http import HttpRequest

from convoship.lib.tenancy import tenant
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces import secret_hosts, secret_store
from workspaces.models import AuditEvent, Secret, Workspace
from workspaces.permissions import Role
from workspaces.secret_hosts import Pointing
from workspaces.secret_store import Use

VALUE = "sk-live-0123456789-abcdefgh-WXYZ"
LIST = "/app/workspace/secrets/"
NEW = f"{LIST}new"
LINES = "-----BEGIN KEY-----\nMIIEvQ\nabcd\n-----END KEY-----"

pytestmark = pytest.mark.django_db


def value_of(workspace: Workspace, key: str) -> str:
    with tenant(workspace.id):
        return secret_store.value_of(key)


def written(member: Browser, key: str, value: str = VALUE) -> None:
    with tenant(member.workspace.id):
        secret_store.write(factories.actor(member.workspace), key, value)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection stands on `token`, and another on `gone`, which nobody has written."""

    def users() -> Iterator[Use]:
        yield Use("token", "SMS connection", "Main <number>", "/app/channels/7/")
        yield Use("gone", "SMS connection", "Second number", "/app/channels/8/")

    monkeypatch.setattr(secret_store, "_users", [users])


def test_a_secret_is_written_and_shown_by_its_last_four_characters(member: Browser) -> None:
    assert "No secrets yet" in text(member.get(LIST))
    form = form_of(member.get(NEW), NEW)
    form["key"], form["value"] = "twilio_token", f"  {VALUE}\r\n"
    done = text(member.send(form))
    assert "twilio_token is written" in done
    assert "…WXYZ" in done
    assert f"by {member.user.email}" in done
    assert "Nothing yet" in done
    assert VALUE not in done
    assert value_of(member.workspace, "twilio_token") == VALUE


def test_a_value_may_have_several_lines(member: Browser) -> None:
    form = form_of(member.get(NEW), NEW)
    form["key"], form["value"] = "private_key", LINES.replace("\n", "\r\n")
    member.send(form)
    assert value_of(member.workspace, "private_key") == LINES


def test_the_value_is_typed_unseen_and_no_browser_keeps_or_reads_it(member: Browser) -> None:
    written(member, "token")
    for address in (NEW, f"{LIST}token/replace"):
        found = re.search(r"<textarea[^>]*name=\"value\"[^>]*>", text(member.get(address)))
        assert found
        for attribute in ('class="unseen"', 'autocomplete="off"', 'spellcheck="false"'):
            assert attribute in found[0], f"{address}: {found[0]}"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("Upper case", VALUE, "letter or digit first"),
        ("", VALUE, "letter or digit first"),
        ("a" * 65, VALUE, "1 to 64"),
        ("taken", VALUE, "There is a secret taken already"),
        ("with\x00nul", VALUE, "letter or digit first"),
        ("good", "", "Paste the secret&#x27;s value"),
        ("good", "  \r\n ", "Paste the secret&#x27;s value"),
        ("good", VALUE + "\x00", "can&#x27;t be stored"),
        ("good", VALUE * 300, "too long"),
    ],
)
def test_a_refused_form_keeps_the_key_and_never_the_value(member: Browser, key: str, value: str, said: str) -> None:
    written(member, "taken", "what it was before")
    form = form_of(member.get(NEW), NEW)
    form["key"], form["value"] = key, value
    refused = member.send(form)
    assert refused.status_code == 422
    page = text(refused)
    assert said in page
    assert "sk-live" not in page
    again = form_of(refused, NEW)
    assert again["key"] == key.replace("\x00", "\ufffd") or "\x00" in key
    assert again["value"] == ""
    assert ("again" in page) or not value.strip()
    assert value_of(member.workspace, "taken") == "what it was before"
    with tenant(member.workspace.id):
        assert Secret.objects.count() == 1


def test_who_must_paste_again_is_told_so_beside_the_field(member: Browser) -> None:
    form = form_of(member.get(NEW), NEW)
    form["key"], form["value"] = "Upper", VALUE
    page = text(member.send(form))
    errors = page[page.index('id="id_value_error"') :]
    assert "Paste the value again" in errors[:300]


def test_a_form_sent_without_its_fields_or_with_odd_bytes_is_refused_in_words(member: Browser) -> None:
    member.client.handler.enforce_csrf_checks = False
    assert member.client.post(NEW, {}).status_code == 422
    odd = member.client.generic("POST", NEW, b"key=%ff%fe&value=%ff", "application/x-www-form-urlencoded")
    assert odd.status_code == 422


def test_what_uses_a_secret_is_a_link_and_what_is_missing_can_be_written(member: Browser, used: None) -> None:
    written(member, "token")
    page = text(member.get(LIST))
    assert '<a href="/app/channels/7/">Main &lt;number&gt;</a>' in page
    assert "<code>gone</code> is missing" in page
    assert form_of(member.get(f"{NEW}?key=gone"), NEW)["key"] == "gone"


def test_replacing_names_what_takes_the_new_value_at_once(member: Browser, used: None) -> None:
    written(member, "token", "an earlier value of it")
    asked = member.get(f"{LIST}token/replace")
    assert "takes the new value at once" in text(asked)
    assert 'href="/app/channels/7/"' in text(asked)
    form = form_of(asked, "/replace")
    form["value"] = VALUE
    done = text(member.send(form))
    assert "token is replaced" in done
    assert VALUE not in done
    assert value_of(member.workspace, "token") == VALUE
    with tenant(member.workspace.id):
        assert [event.action for event in AuditEvent.objects.filter(action__startswith="secret.")][-1:] == [
            "secret.replaced"
        ]


def test_a_refused_replacement_leaves_the_value_as_it_was(member: Browser) -> None:
    written(member, "token")
    form = form_of(member.get(f"{LIST}token/replace"), "/replace")
    form["value"] = "x" * 9000
    refused = member.send(form)
    assert refused.status_code == 422
    assert "x" * 40 not in text(refused)
    assert "too long" in text(refused)
    assert value_of(member.workspace, "token") == VALUE


def test_deleting_asks_and_names_what_would_break(member: Browser, used: None) -> None:
    written(member, "token")
    written(member, "unused")
    assert "Nothing uses it" in text(member.get(f"{LIST}unused/delete"))
    asked = member.get(f"{LIST}token/delete")
    assert "This would break" in text(asked)
    assert 'href="/app/channels/7/"' in text(asked)
    done = text(member.send(form_of(asked, "/delete")))
    assert "token is deleted" in done
    assert "<code>token</code> is missing" in done
    with tenant(member.workspace.id):
        assert [row.key for row in Secret.objects.all()] == ["unused"]
        assert AuditEvent.objects.get(action="secret.deleted").data["used_by"] == ["SMS connection Main <number>"]


@pytest.mark.parametrize("act", ["replace", "delete"])
@pytest.mark.parametrize("key", ["none", "UPPER", "..", "a%2Fb", "%00", "x" * 400])
def test_a_secret_that_is_not_there_is_a_404(member: Browser, act: str, key: str) -> None:
    for method in (member.get, member.post):
        member.client.handler.enforce_csrf_checks = False
        assert method(f"{LIST}{key}/{act}").status_code == 404


def test_a_secret_that_no_key_opens_says_so_and_can_be_written_again(member: Browser) -> None:
    written(member, "token")
    with tenant(member.workspace.id):
        Secret.objects.update(sealed=b"sealed by a key that is gone")
    assert "decrypted: write it again" in text(member.get(LIST))
    form = form_of(member.get(f"{LIST}token/replace"), "/replace")
    form["value"] = VALUE
    assert "decrypted" not in text(member.send(form))
    assert value_of(member.workspace, "token") == VALUE


def current(page: str) -> list[str]:
    """What the wide navigation marks as the place one is in."""
    nav = page[page.index('aria-label="Main"') :]
    nav = nav[: nav.index("</nav>")]
    return re.findall(r'<a href="([^"]+)" aria-current="page"', nav)


def test_one_place_in_the_navigation_is_current(member: Browser) -> None:
    written(member, "token")
    assert current(text(member.get(LIST))) == [LIST]
    assert current(text(member.get(f"{LIST}token/replace"))) == [LIST]
    assert current(text(member.get("/app/workspace/"))) == ["/app/workspace/"]
    assert current(text(member.get("/"))) == ["/"]
    assert current(text(member.get("/account/"))) == []


@pytest.mark.parametrize("role", list(Role))
def test_who_may_not_read_secrets_does_not_see_the_place(workspace: Workspace, role: Role) -> None:
    someone = browser_of(workspace, factories.member(workspace, role))
    may = role in {Role.OWNER, Role.ADMIN, Role.DEVELOPER}
    for address in ("/app/workspace/", "/account/"):
        assert (f'href="{LIST}"' in text(someone.get(address))) is may, address
    assert someone.get(LIST).status_code == (200 if may else 403)


def test_a_value_is_left_out_of_reports_of_errors(member: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[HttpRequest] = []

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(secret_store, "make", broken)
    from django.core.signals import got_request_exception

    def heard(sender: object, request: HttpRequest, **kwargs: object) -> None:
        asked.append(request)

    got_request_exception.connect(heard)
    member.client.raise_request_exception = False
    form = form_of(member.get(NEW), NEW)
    form["key"], form["value"] = "token", VALUE
    try:
        answer = member.send(form)
    finally:
        got_request_exception.disconnect(heard)
    assert answer.status_code == 500
    assert VALUE not in text(answer)
    assert "value" in asked[0].sensitive_post_parameters  # type: ignore[attr-defined]


def test_the_hosts_that_a_secret_is_sent_to_are_listed_and_can_be_withdrawn(
    member: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(member, "token")
    here, gone = "https://api.example", "http://old.example:8080"
    monkeypatch.setattr(secret_hosts, "_pointings", [lambda: [Pointing("llm.api_key", "token", f"{here}/v1")]])
    with tenant(member.workspace.id):
        actor = factories.actor(member.workspace)
        secret_hosts.point(actor, [Pointing("a", "token", f"{here}/v1")], {})
        secret_hosts.point(actor, [Pointing("a", "token", f"{gone}/x")], {"token": VALUE})
    page = member.get(LIST)
    assert f"{here} since" in words(page)
    assert "nothing does so now" in words(page).partition(gone)[2]
    asked = member.get(f"{LIST}token/withdraw?host={quote(gone, safe='')}")
    assert f"Send token to {gone} no more?" in text(asked)
    [filled] = [form for form in forms_of(asked) if "host" in form.values]
    assert filled["host"] == gone
    done = member.post(f"{LIST}token/withdraw", filled.values)
    assert f"token is not sent to {gone} any more." in words(done)
    with tenant(member.workspace.id):
        assert not secret_hosts.may_go("token", gone)
        assert secret_hosts.may_go("token", here)
        event = AuditEvent.objects.get(action="secret.host_withdrawn")
        assert (event.target_label, event.data) == ("token", {"host": gone})
    assert gone not in words(member.get(LIST)).partition("Is sent to")[2]
    # Again, or of a host that it never went to: nothing there to withdraw.
    for host in (gone, "https://nobody.example", "\x00", ""):
        assert "token isn't sent there" in words(member.post(f"{LIST}token/withdraw", {**filled.values, "host": host}))
    with tenant(member.workspace.id):
        assert AuditEvent.objects.filter(action="secret.host_withdrawn").count() == 1


def test_only_who_writes_secrets_withdraws_a_host(member: Browser) -> None:
    written(member, "token")
    with tenant(member.workspace.id):
        secret_hosts.point(factories.actor(member.workspace), [Pointing("a", "token", "https://api.example/")], {})
    editor = browser_of(member.workspace, factories.member(member.workspace, Role.EDITOR))
    token = forms_of(editor.get("/"))[0].values
    refused = editor.post(f"{LIST}token/withdraw", {**token, "host": "https://api.example"})
    assert (refused.status_code, "too old" in words(refused)) == (403, False)
    with tenant(member.workspace.id):
        assert secret_hosts.may_go("token", "https://api.example")
