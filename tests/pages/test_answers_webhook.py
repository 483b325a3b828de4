"""A bot of the customer's own on the tab Answers: its form, the secret that is shown once, and whether it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import publishing, webhook_secrets
from deployments.models import Assistant, WebhookSecret
from deployments.responders import webhook_content
from tests import factories
from tests.models.bot_end import BotEnd, event, running, says, streams
from tests.pages.conftest import Browser, Form, Response, browser_of, form_of, forms_of, text, words
from tests.pages.test_answers_page import Page, export, import_over
from workspaces import secret_store
from workspaces.models import AuditEvent, Secret, SecretHost, Workspace

# What is asked crosses the database by itself.
pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://bot.example.com/turns"
VALUE = "gw-1234567890abcdef"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{20,}")
WEBHOOK: dict[str, Any] = {
    "url": URL,
    "timeout_seconds": 9,
    "waits_seconds": 40,
    "history": 0,
    "headers": [{"name": "X-Shop", "value": "de"}, {"name": "X-Api-Key", "secret": "gateway"}],
}


@pytest.fixture
def page(member: Browser, workspace: Workspace) -> Page:
    return Page(member, workspace)


@pytest.fixture
def bot(settings: Any) -> Iterator[BotEnd]:
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.port)}
        yield end


def chosen(page: Page, url: str = URL) -> Form:
    """The form with a bot at this address."""
    form = page.form()
    form["responder"], form["webhook-url"] = "webhook", url
    return form


def shown(answer: Response) -> str:
    """The one secret that a page shows."""
    (secret,) = set(SECRET.findall(text(answer)))
    return secret


def saved(page: Page, url: str = URL) -> str:
    """Save a bot, and get its secret."""
    return shown(page.send(chosen(page, url)))


def published(page: Page) -> None:
    with tenant(page.workspace.id):
        publishing.publish(factories.actor(page.workspace), page.assistant.id)


def secret_page(page: Page) -> str:
    return f"/app/assistants/{page.assistant.id}/webhook"


def asked_again(page: Page, answer: Response) -> Response:
    """Press the button beside what went wrong."""
    form = next(form for form in forms_of(answer) if ("op", "ask-published") in form.buttons)
    return page.member.send(form, op="ask-published")


# --- The form ---------------------------------------------------------------------------------------------------------


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(page: Page) -> None:
    with tenant(page.workspace.id):
        secret_store.write(factories.actor(page.workspace), "gateway", VALUE)
        row = Assistant.objects.get(id=page.assistant.id)
        actor = factories.actor(page.workspace)
        publishing.change_draft(actor, row, responder="webhook", parts={"webhook": WEBHOOK})
        webhook_secrets.first(actor, row)
    before = page.row()
    assert page.send(page.form()).status_code == 302
    after = page.row()
    assert (after.responder, after.draft) == (before.responder, before.draft)
    assert after.draft["webhook"] == WEBHOOK


def test_a_mistake_stands_beside_its_field_and_nothing_typed_is_lost(page: Page) -> None:
    form = chosen(page, "ftp://bot.example.com")
    for _ in range(3):
        form = page.form(page.send(form, "webhook-header"))
    for name, typed in {
        "timeout_seconds": "99",
        "waits_seconds": "soon",
        "history": "-1",
        "header_0-name": "Host",
        "header_0-value": "elsewhere",
        "header_1-name": "X Shop",
        "header_1-value": "de",
        "header_2-name": "X-Both",
    }.items():
        form[f"webhook-{name}"] = typed
    answer = page.send(form)
    assert answer.status_code == 422
    again = page.form(answer)
    for name, sent in form.values.items():
        if name not in ("csrfmiddlewaretoken", "seen", "once"):
            assert again.values[name] == sent, name
    source = text(answer)
    for name in ("url", "timeout_seconds", "waits_seconds", "history", "header_1", "header_2"):
        assert f'id="webhook-{name}_error"' in source, name
    assert "A whole number from 1 to 30." in source
    form["webhook-url"], form["webhook-header_1-name"], form["webhook-header_2-value"] = URL, "x-both", "1"
    for name in ("timeout_seconds", "waits_seconds", "history"):
        form[f"webhook-{name}"] = ""
    told = words(page.send(form))
    assert "Host is set with each call. Use another name." in told
    assert "There is another X-Both. Each header is sent once." in told
    assert (page.row().responder, SECRET.findall(told)) == ("scripted", [])
    with tenant(page.workspace.id):
        assert not WebhookSecret.objects.exists()


def test_a_bot_without_an_address_is_asked_for_one(page: Page) -> None:
    answer = page.send(chosen(page, ""))
    assert answer.status_code == 422
    assert "Give the bot's address" in words(answer)


def test_nonsense_is_no_error_of_the_server(page: Page) -> None:
    form = page.form()
    for op in ("webhook-headerout-9", "webhook-headerout-x", "webhook-", "ask-draft", "ask-published"):
        assert page.send(form, op).status_code in {200, 302}, op
    for url in ("http://\x00", "http://" + "a" * 100_000, "http:// ", "https://user:word@bot.example.com/"):
        assert page.send(chosen(page, url)).status_code == 422, url
    saved(page, "http://[")
    assert page.member.get(page.path).status_code == 200
    assert page.send(page.form(), "test").status_code == 200


def test_a_header_s_secret_is_written_right_there_or_chosen_and_reaches_the_bot(
    page: Page,
    bot: BotEnd,
) -> None:
    with tenant(page.workspace.id):
        secret_store.write(factories.actor(page.workspace), "there_is_one", "x" * 20)
    form = chosen(page, bot.url)
    for _ in range(2):
        form = page.form(page.send(form, "webhook-header"))
    form["webhook-header_0-name"], form["webhook-header_1-name"] = "X-Api-Key", "Authorization"
    form["webhook-header_0-secret-new_key"] = "gateway"
    form["webhook-header_1-secret"] = "there_is_one"
    answer = page.send(form)
    assert "Give the new secret its value, too" in words(answer)
    form = page.form(answer)
    form["webhook-header_0-secret-new_value"] = VALUE
    answer = page.send(form)
    assert VALUE not in text(answer)
    assert page.row().draft["webhook"]["headers"] == [
        {"name": "X-Api-Key", "secret": "gateway"},
        {"name": "Authorization", "secret": "there_is_one"},
    ]
    assert "It answers." in words(page.send(page.form(), "test"))
    [asked] = bot.asked
    assert (asked.headers["x-api-key"], asked.headers["authorization"]) == (VALUE, "x" * 20)
    assert VALUE not in text(page.member.get(page.path))


def test_a_header_s_secret_goes_to_another_host_only_where_its_value_is_typed_again(page: Page) -> None:
    form = page.form(page.send(chosen(page), "webhook-header"))
    form["webhook-header_0-name"] = "X-Api-Key"
    form["webhook-header_0-secret-new_key"], form["webhook-header_0-secret-new_value"] = "gateway", VALUE
    page.send(form)
    answer = page.send(chosen(page, "https://evil.example/"))
    assert "Type its value again" in words(answer)
    form = page.form(answer)
    form["webhook-header_0-secret-again"] = VALUE
    assert page.send(form).status_code == 302
    assert page.row().draft["webhook"]["url"] == "https://evil.example/"


def test_a_secret_that_no_header_can_carry_is_told(page: Page, bot: BotEnd) -> None:
    form = page.form(page.send(chosen(page, bot.url), "webhook-header"))
    form["webhook-header_0-name"] = "X-Api-Key"
    form["webhook-header_0-secret-new_key"], form["webhook-header_0-secret-new_value"] = "gateway", "schlüssel-123456"
    page.send(form)
    told = words(page.send(page.form(), "test"))
    assert "The secret gateway holds characters that no header can carry." in told
    assert bot.asked == []


# --- Its secret -------------------------------------------------------------------------------------------------------


def test_the_first_save_shows_the_secret_once_and_a_reload_makes_no_other(page: Page) -> None:
    form = chosen(page)
    answer = page.send(form)
    assert "no-store" in answer["Cache-Control"]
    secret = shown(answer)
    assert (page.row().responder, page.row().draft["webhook"]) == ("webhook", {"url": URL})
    again = page.member.send(form, op="save")
    assert "shown only once" in words(again)
    for path in (page.path, secret_page(page)):
        source = text(page.member.get(path))
        assert secret not in source
        assert f"whsec_…{secret[-4:]}" in source
    with tenant(page.workspace.id):
        assert WebhookSecret.objects.count() == 1
        assert AuditEvent.objects.filter(action="assistant.webhook_secret_made").count() == 1
    form = page.form()
    form["webhook-history"] = "3"
    answer = page.send(form)
    assert (answer.status_code, page.row().draft["webhook"]["history"]) == (302, 3)


def test_save_and_test_shows_the_secret_first_and_tests_once_the_bot_has_it(
    page: Page,
    bot: BotEnd,
) -> None:
    bot.script(streams(event("token", {"text": "Good "}), event("token", {"text": "day."}), event("done")))
    answer = page.send(chosen(page, bot.url), "test")
    secret = shown(answer)
    assert bot.asked == []
    form = next(form for form in forms_of(answer) if ("op", "ask-draft") in form.buttons)
    told = words(page.member.send(form, op="ask-draft"))
    assert "It answers." in told
    assert "“Good day.”" in told
    [asked] = bot.asked
    Webhook(secret).verify(asked.raw, dict(asked.headers))
    assert (asked.body["turn_id"], asked.body["conversation_id"]) == ("", "")
    bot.script(says({"messages": []}))
    assert "It says nothing to a short hello." in words(page.send(page.form(), "test"))


def test_a_rotated_secret_signs_beside_the_earlier_one_for_as_long_as_is_chosen(
    page: Page,
    bot: BotEnd,
) -> None:
    old = saved(page, bot.url)
    form = form_of(page.member.get(secret_page(page)), "/rotate")
    form["overlap"], form["hours"] = "custom", "many"
    refused = page.member.client.post(form.action, form.values)
    assert refused.status_code == 422
    assert "A whole number from 0 to 720." in words(refused)
    form = form_of(refused, "/rotate")
    assert form["hours"] == "many"
    form["hours"] = "2"
    new = shown(page.member.send(form))
    assert "shown only once" in words(page.member.send(form))
    page.send(page.form(), "test")
    for secret in (old, new):
        Webhook(secret).verify(bot.asked[0].raw, dict(bot.asked[0].headers))
    told = words(page.member.get(page.path))
    assert f"whsec_…{new[-4:]}" in told
    assert f"whsec_…{old[-4:]} made just now , ends in 2 h" in told
    form = form_of(page.member.get(secret_page(page)), "/rotate")
    form["overlap"] = "0"
    last = shown(page.member.send(form))
    source = text(page.member.get(secret_page(page)))
    assert [secret[-4:] in source for secret in (last, new, old)] == [True, False, False]
    with tenant(page.workspace.id):
        assert AuditEvent.objects.filter(action="assistant.webhook_secret_rotated").count() == 2


def test_without_a_bot_there_is_nothing_to_sign(page: Page) -> None:
    answer = page.member.get(secret_page(page))
    assert not [form for form in forms_of(answer) if form.action.endswith("/rotate")]
    assert "give its address" in words(answer)


def test_another_workspace_sees_and_rotates_nothing(page: Page) -> None:
    saved(page)
    rotating = form_of(page.member.get(secret_page(page)), "/rotate")
    other = factories.make_workspace()
    stranger = browser_of(other, factories.owner_of(other))
    assert stranger.get(secret_page(page)).status_code == 404
    token = form_of(stranger.get("/app/assistants/new"), "/new")["csrfmiddlewaretoken"]
    answer = stranger.client.post(rotating.action, {**rotating.values, "csrfmiddlewaretoken": token})
    assert answer.status_code == 404
    with tenant(page.workspace.id):
        assert WebhookSecret.objects.count() == 1


# --- How it goes ------------------------------------------------------------------------------------------------------


def test_a_bot_that_does_not_answer_is_red_until_its_owner_asks_again(page: Page, bot: BotEnd) -> None:
    saved(page, bot.url)
    published(page)
    bot.script(says({}, 401))
    told = words(page.send(page.form(), "test"))
    assert "refuses the signature (401)" in told
    editor = f"/app/assistants/{page.assistant.id}/"
    for path in (page.path, editor, "/app/assistants/"):
        assert "Doesn't answer" in words(page.member.get(path)), path
    assert f'href="{secret_page(page)}"' in text(page.member.get(editor))
    bot.script(says({"messages": [{"text": "Here."}]}))
    answer = asked_again(page, page.member.get(editor))
    assert "“Here.”" in words(answer)
    assert "Doesn't answer" not in words(page.member.get("/app/assistants/"))


def test_what_visitors_meet_is_asked_again_whatever_the_draft_says(page: Page, bot: BotEnd) -> None:
    saved(page, bot.url)
    published(page)
    bot.script(says({}, 500))
    page.send(page.form(), "test")
    page.set(responder="webhook", webhook={"url": URL})
    bot.script(says({"messages": [{"text": "Here."}]}))
    asked_again(page, page.member.get(page.path))
    assert "Doesn't answer" not in words(page.member.get("/app/assistants/"))


def test_the_pages_of_an_assistant_say_who_answers_and_where(page: Page, bot: BotEnd) -> None:
    assert "Answered by the script" in words(page.member.get("/app/assistants/"))
    saved(page, bot.url)
    published(page)
    page.send(page.form(), "test")
    for path in (page.path, f"/app/assistants/{page.assistant.id}/", "/app/assistants/"):
        assert f"Answered by your bot at 127.0.0.1:{bot.port}" in words(page.member.get(path)), path
    assert f"127.0.0.1:{bot.port}, last just now" in words(page.member.get(page.path))


# --- Versions and files -----------------------------------------------------------------------------------------------


def test_versions_and_comparisons_say_in_words_what_the_bot_is_asked(page: Page) -> None:
    page.set(responder="webhook", webhook=webhook_content.validate(WEBHOOK))
    told = words(page.member.get(f"/app/assistants/{page.assistant.id}/versions/compare?to=draft"))
    for said in (
        "Webhook (your own bot)",
        URL,
        "Its answer begins within",
        "9 seconds",
        "It calls back within",
        "40 seconds",
        "Header X-Shop",
        "the secret gateway",
    ):
        assert said in told, said


def test_a_file_carries_the_bot_without_secrets_and_its_secret_is_made_where_it_is_imported(
    page: Page,
) -> None:
    with tenant(page.workspace.id):
        secret_store.write(factories.actor(page.workspace), "gateway", VALUE)
        row = Assistant.objects.get(id=page.assistant.id)
        actor = factories.actor(page.workspace)
        publishing.change_draft(actor, row, responder="webhook", parts={"webhook": WEBHOOK})
    document = export(page)
    assert document["webhook"] == WEBHOOK
    assert VALUE not in json.dumps(document)
    document["webhook"]["url"] = "https://evil.example/"
    _preview, done = import_over(page, document)
    assert "1 secret is left out" in words(done)
    assert page.row().draft["webhook"]["headers"] == [{"name": "X-Shop", "value": "de"}]
    with tenant(page.workspace.id):
        assert not SecretHost.objects.filter(host="https://evil.example").exists()
        with pytest.raises(Problem) as refused:
            publishing.publish(factories.actor(page.workspace), page.assistant.id)
        assert "webhook" in refused.value.errors
    told = words(page.member.get(page.path))
    assert "There is none, so your bot can't be asked, nor the draft be published." in told
    made = page.member.send(form_of(page.member.get(secret_page(page)), "/rotate"))
    assert shown(made)
    published(page)


# --- A model's form, which shares its rows ----------------------------------------------------------------------------


def test_a_model_s_cheaper_one_is_set_and_kept(page: Page) -> None:
    page.set(llm={"base_url": "https://api.example.com/v1", "model": "large", "cheaper": "small"})
    form = page.form()
    assert form["llm-cheaper"] == "small"
    form["llm-instructions"] = "Be kind."
    page.send(form)
    assert page.row().draft["llm"]["cheaper"] == "small"
    told = words(page.member.get(f"/app/assistants/{page.assistant.id}/versions/compare?to=draft"))
    assert "Where a budget has no room for it" in told
    form = page.form()
    form["llm-preset"] = "rehearsal"
    form = page.form(page.send(form, "llm-preset"))
    assert form["llm-cheaper"] == ""
    form["llm-cheaper"] = "stand-in"
    page.send(form)
    assert page.row().draft["llm"]["cheaper"] == "stand-in"
    form = page.form()
    form["llm-cheaper"] = ""
    page.send(form)
    assert "cheaper" not in page.row().draft["llm"]


def test_a_secret_of_a_tool_s_header_is_written_right_there(page: Page) -> None:
    form = page.form()
    form["responder"], form["llm-preset"] = "llm", "other"
    form = page.form(page.send(form, "llm-preset"))
    form["llm-base_url"], form["llm-model"] = "https://api.example.com/v1", "m"
    form = page.form(page.send(form, "llm-add-http"))
    form = page.form(page.send(form, "llm-header-0"))
    tool = "llm-tool_0"
    form[f"{tool}-name"], form[f"{tool}-description"] = "order_status", "Where an order is."
    form[f"{tool}-url"], form[f"{tool}-header_0-name"] = "https://shop.example.com/", "Authorization"
    form[f"{tool}-header_0-secret-new_key"], form[f"{tool}-header_0-secret-new_value"] = "Shop key", VALUE
    answer = page.send(form)
    assert f'id="{tool}-header_0-secret-new_key_error"' in text(answer)
    assert VALUE not in text(answer)
    form = page.form(answer)
    form[f"{tool}-header_0-secret-new_key"], form[f"{tool}-header_0-secret-new_value"] = "shop_key", VALUE
    assert page.send(form).status_code == 302
    assert page.row().draft["llm"]["tools"][0]["headers"] == [{"name": "Authorization", "secret": "shop_key"}]
    with tenant(page.workspace.id):
        assert Secret.objects.filter(key="shop_key").exists()
        assert SecretHost.objects.get(key="shop_key").host == "https://shop.example.com"
