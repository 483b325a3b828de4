"""The Answers tab: without JavaScript, with mistakes, and that what a form shows is what it saves."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import publishing, responder_health
from deployments.models import Assistant
from deployments.responders import failing, llm_content
from tests import factories
from tests.models.model_end import ModelEnd, Refuses, Says, running
from tests.pages.conftest import Browser, Form, forms_of, text, words
from workspaces import secret_store
from workspaces.models import AuditEvent, Secret, SecretHost, Workspace

pytestmark = pytest.mark.django_db

VALUE = "sk-test-1234567890abcdef"
ELSEWHERE = "https://api.example.com/v1"
LLM: dict[str, Any] = {
    "preset": "mistral",
    "base_url": "https://api.mistral.ai/v1",
    "model": "mistral-small-latest",
    "instructions": "You are <b>kind</b>.\n\nAnswer briefly.",
    "temperature": 0.3,
    "max_tokens": 500,
    "history": 6,
    "knowledge": False,
    "tools": [
        {"type": "hand_over", "when": "They are angry."},
        {"type": "collect", "name": "order_number", "description": "The order they ask about."},
        {
            "type": "http",
            "name": "order_status",
            "description": "Where an order is.",
            "method": "POST",
            "url": "https://shop.example.com/orders",
            "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
            "headers": [{"name": "X-Shop", "value": "de"}],
        },
        {"type": "end"},
    ],
}
ON_FAILURE: dict[str, Any] = {
    "scripted": "first",
    "text": {"text": "One moment.", "also": [{"language": "de", "text": "Einen Moment."}]},
    "person": True,
}


class Page:
    """The tab of one assistant, in a member's browser."""

    def __init__(self, member: Browser, workspace: Workspace) -> None:
        self.member, self.workspace = member, workspace
        self.assistant = factories.make_assistant(workspace)
        self.path = f"/app/assistants/{self.assistant.id}/answers"

    def form(self, answer: Any = None) -> Form:
        page = answer if answer is not None else self.member.get(self.path)
        return next(form for form in forms_of(page) if form.action.endswith("/answers/save"))

    def send(self, form: Form, op: str = "save") -> Any:
        return self.member.client.post(form.action, {**form.values, "op": op})

    def row(self) -> Assistant:
        with tenant(self.workspace.id):
            return Assistant.objects.select_related("published").get(id=self.assistant.id)

    def set(self, responder: str = "llm", **parts: Any) -> None:
        with tenant(self.workspace.id):
            row = Assistant.objects.get(id=self.assistant.id)
            row.responder, row.draft = responder, {**row.draft, **parts}
            row.save()


@pytest.fixture
def page(member: Browser, workspace: Workspace) -> Page:
    return Page(member, workspace)


@pytest.fixture
def model(settings: Any) -> Iterator[ModelEnd]:
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}
        yield end


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(page: Page) -> None:
    assert page.send(page.form()).status_code == 302
    assert page.row().draft.keys() == {"scripted"}
    page.set(
        llm=llm_content.validate(copy.deepcopy(LLM)),
        on_failure=failing.validate(copy.deepcopy(ON_FAILURE)),
    )
    before = page.row()
    assert page.send(page.form()).status_code == 302
    after = page.row()
    assert (after.responder, after.draft) == (before.responder, before.draft)
    with tenant(page.workspace.id):
        assert not AuditEvent.objects.filter(action="assistant.changed").exists()


def test_a_model_is_chosen_by_its_preset_with_a_key_that_is_written_right_here(page: Page) -> None:
    form = page.form()
    form["responder"], form["llm-preset"] = "llm", "groq"
    form = page.form(page.send(form, "llm-preset"))
    assert form["llm-base_url"] == "https://api.groq.com/openai/v1"
    assert form["llm-model"] == "openai/gpt-oss-120b"
    form["llm-api_key-new_key"], form["llm-api_key-new_value"] = "groq_key", VALUE
    form["llm-instructions"] = "Be kind."
    assert page.send(form).status_code == 302
    row = page.row()
    assert row.responder == "llm"
    assert row.draft["llm"] == {
        "preset": "groq",
        "base_url": "https://api.groq.com/openai/v1",
        "model": "openai/gpt-oss-120b",
        "api_key": "groq_key",
        "instructions": "Be kind.",
    }
    with tenant(page.workspace.id):
        assert SecretHost.objects.get(key="groq_key").host == "https://api.groq.com"
        assert AuditEvent.objects.filter(action="assistant.changed").exists()
    assert VALUE not in text(page.member.get(page.path))


def test_a_preset_that_is_chosen_and_saved_at_once_brings_its_address_too(page: Page) -> None:
    form = page.form()
    form["responder"], form["llm-preset"] = "llm", "rehearsal"
    assert page.send(form).status_code == 302
    assert page.row().draft["llm"] == {
        "preset": "rehearsal",
        "base_url": "https://model.rehearsal.invalid/v1",
        "model": "stand-in",
    }
    form = page.form()
    form["llm-model"] = "stand-in-slow"
    page.send(form)
    assert page.row().draft["llm"]["model"] == "stand-in-slow"


def test_a_mistake_stands_beside_its_field_and_nothing_typed_is_lost(page: Page) -> None:
    form = page.form()
    for kind in ("hand_over", "http", "collect"):
        form = page.form(page.send(form, f"llm-add-{kind}"))
    form = page.form(page.send(form, "llm-header-1"))
    form = page.form(page.send(form, "failure-add"))
    for name, typed in {
        "responder": "llm",
        "llm-base_url": "https://api.openai.com/v1/chat/completions",
        "llm-temperature": "warm",
        "llm-max_tokens": "4",
        "llm-history": "all",
        "llm-tool_1-name": "Order Status",
        "llm-tool_1-url": "ftp://shop.example.com",
        "llm-tool_1-parameters": '{"type": "object",',
        "llm-tool_1-header_0-name": "Authorization",
        "llm-tool_2-name": "order",
        "failure-also_0-text": "Einen Moment.",
        "failure-also_0-language": "de",
    }.items():
        form[name] = typed
    answer = page.send(form)
    assert answer.status_code == 422
    again = page.form(answer)
    for name, sent in form.values.items():
        if name not in ("csrfmiddlewaretoken", "seen", "once"):
            assert again.values[name] == sent, name
    source = text(answer)
    for name in ("temperature", "max_tokens", "history", "model", "tool_1-name", "tool_1-url", "tool_1-parameters"):
        assert f'id="llm-{name}_error"' in source, name
    assert 'id="llm-tool_1-header_0_error"' in source
    assert 'id="llm-tool_2-description_error"' in source
    assert 'id="failure-text_error"' in source
    assert "A whole number from 16 to 8,000." in source
    assert "Give the model&#x27;s name" in source
    assert page.row().responder == "scripted"


def test_rows_come_and_go_without_being_saved(page: Page) -> None:
    page.set(llm=llm_content.validate(copy.deepcopy(LLM)))
    form = page.form(page.send(page.form(), "llm-out-1"))
    form = page.form(page.send(form, "llm-headerout-1-0"))
    assert form["llm-tool_1-name"] == "order_status"
    assert "llm-tool_1-header_0-name" not in form.values
    assert len(page.row().draft["llm"]["tools"]) == 4
    page.send(form)
    saved = page.row().draft["llm"]["tools"]
    assert [tool["type"] for tool in saved] == ["hand_over", "http", "end"]
    assert "headers" not in saved[1]


def test_nonsense_in_the_rows_is_no_error_of_the_server(page: Page) -> None:
    form = page.form()
    for op in ("llm-out-99", "llm-header-x", "llm-headerout-1", "llm-add-bomb", "failure-out-7", "llm-", "nonsense"):
        assert page.send(form, op).status_code in {200, 302}
    form["llm-instructions"] = "with \x00 in it"
    form["llm-model"] = "\x00"
    assert page.send(form).status_code == 422


def test_a_key_goes_to_another_host_only_where_its_value_is_typed_again(page: Page) -> None:
    with tenant(page.workspace.id):
        Secret.objects.all().delete()
    form = page.form()
    form["responder"], form["llm-preset"], form["llm-model"] = "llm", "openai", "m"
    form["llm-api_key-new_key"], form["llm-api_key-new_value"] = "model_key", VALUE
    page.send(form)
    form = page.form()
    assert "llm-api_key-again" not in form.values
    form["llm-preset"] = "other"
    form = page.form(page.send(form, "llm-preset"))
    form["llm-base_url"] = ELSEWHERE
    answer = page.send(form)
    assert "Type its value again" in text(answer)
    form = page.form(answer)
    form["llm-api_key-again"] = "sk-another"
    answer = page.send(form)
    assert "That is not its value." in text(answer)
    assert "sk-another" not in text(answer)
    form = page.form(answer)
    form["llm-api_key-again"] = VALUE
    assert page.send(form).status_code == 302
    assert page.row().draft["llm"]["base_url"] == ELSEWHERE


def test_a_secret_that_could_not_be_written_is_asked_for_again(page: Page) -> None:
    with tenant(page.workspace.id):
        secret_store.write(factories.actor(page.workspace), "taken", "x" * 20)
    form = page.form()
    form["responder"], form["llm-model"] = "llm", "m"
    form["llm-api_key-new_key"], form["llm-api_key-new_value"] = "taken", VALUE
    answer = page.send(form)
    assert answer.status_code == 422
    assert "There is a secret by this name." in text(answer)
    assert VALUE not in text(answer)


def test_a_key_that_is_pasted_as_a_name_is_refused_and_not_shown_back(page: Page) -> None:
    form = page.form()
    form["responder"], form["llm-model"] = "llm", "m"
    form["llm-api_key-new_key"] = VALUE
    answer = page.send(form)
    assert answer.status_code == 422
    assert "This looks like the key itself" in words(answer)
    assert VALUE not in text(answer)
    shown = words(answer)
    assert "Name of the new secret" in shown
    assert "The key itself" in shown


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/v1", "http://localhost:11434/v1", "http://10.1.2.3/v1"])
def test_an_address_of_the_server_s_own_is_saved_with_a_warning_that_names_what_opens_it(page: Page, url: str) -> None:
    form = page.form()
    form["responder"], form["llm-preset"], form["llm-model"] = "llm", "other", "m"
    form["llm-preset_before"], form["llm-base_url"] = "other", url
    assert page.send(form).status_code == 302
    host = url.split("/")[2]
    opens = f"CONVOSHIP_PRIVATE_ALLOWLIST={host if ':' in host else host + ':80'}."
    assert opens in words(page.member.get(page.path))
    form = page.form()
    form["llm-base_url"] = "https://api.example.com/v1"
    page.send(form)
    assert "CONVOSHIP_PRIVATE_ALLOWLIST" not in words(page.member.get(page.path))


def test_an_address_with_a_blank_in_it_is_refused(page: Page) -> None:
    form = page.form()
    form["responder"], form["llm-preset"], form["llm-model"] = "llm", "azure", "m"
    answer = page.send(form)
    assert answer.status_code == 422
    assert "Put your resource's name in the place of YOUR-RESOURCE." in words(answer)


def test_a_model_s_name_that_was_typed_for_another_provider_says_so(page: Page) -> None:
    form = page.form()
    form["responder"], form["llm-preset"], form["llm-model"] = "llm", "openai", "gpt-5-custom"
    form["llm-preset"] = "mistral"
    answer = page.send(form, "llm-preset")
    assert 'value="gpt-5-custom"' in text(answer)
    assert "The name was typed for OpenAI. Give it as Mistral calls it, such as mistral-small-latest" in words(answer)


def test_what_another_model_failed_at_is_forgotten_once_it_is_not_met_any_more(page: Page) -> None:
    def publish(model: str) -> None:
        page.set(llm={"base_url": "https://api.example.com/v1", "model": model})
        with tenant(page.workspace.id):
            publishing.publish(factories.actor(page.workspace), page.assistant.id)

    publish("one")
    failure = {"code": "key", "reason": "api.example does not accept the key.", "remedy": "Write it anew."}
    with tenant(page.workspace.id):
        responder_health.note(page.assistant.id, "llm", {"failure": failure})
    page.set(name="Another name")
    assert failure["reason"] in words(page.member.get(page.path))
    publish("two")
    assert failure["reason"] not in words(page.member.get(page.path))


def test_whoever_saves_over_another_is_told(page: Page) -> None:
    form = page.form()
    page.set(responder="scripted", on_failure={"person": True})
    form["failure-text"] = "One moment."
    answer = page.send(form)
    assert answer.status_code == 409
    assert page.form(answer)["failure-text"] == "One moment."
    assert page.send(page.form(answer)).status_code == 302


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"base_url": "https://api.openai.com/v1"}, "The model's name: "),
        (
            {"preset": "groq", "base_url": "https://api.groq.com/openai/v1", "model": "m"},
            "The model's key: Groq wants a key.",
        ),
    ],
)
def test_publishing_says_what_is_missing(page: Page, part: dict[str, Any], said: str) -> None:
    page.set(llm=part)
    editor = page.member.get(f"/app/assistants/{page.assistant.id}/")
    form = next(form for form in forms_of(editor) if form.action.endswith("/save"))
    answer = page.member.client.post(form.action, {**form.values, "op": "publish"})
    assert answer.status_code == 422
    assert said in words(answer)
    assert "llm." not in words(answer)
    assert "Mend it on the assistant's tab Answers." in words(answer)


# --- How it goes ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)  # what is asked crosses the database by itself
def test_the_connection_is_tested_with_a_real_call(page: Page, model: ModelEnd) -> None:
    form = page.form()
    form["responder"], form["llm-preset"], form["llm-model"] = "llm", "other", "test-model"
    form = page.form(page.send(form, "llm-preset"))
    form["llm-base_url"], form["llm-model"] = model.base_url, "test-model"
    model.script(Says(["Hello ", "there."], usage=(12, 3)))
    told = words(page.send(form, "test"))
    assert "It answers." in told
    assert "“Hello there.”" in told
    assert "12 tokens read, 3 written" in told
    assert "First words after" in told
    assert "tools" not in model.asked[0].body
    model.script(Refuses(401))
    told = words(page.send(page.form(), "test"))
    assert "does not accept the key" in told
    assert "Workspace, Secrets" in told


@pytest.mark.django_db(transaction=True)
def test_an_assistant_that_does_not_answer_is_red_until_it_does(page: Page, model: ModelEnd) -> None:
    part = llm_content.validate({"base_url": model.base_url, "model": "test-model"})
    page.set(llm=part)
    failure = {"code": "key", "reason": "api.example does not accept the key.", "remedy": "Write it anew."}
    with tenant(page.workspace.id):
        publishing.publish(factories.actor(page.workspace), page.assistant.id)
        responder_health.note(page.assistant.id, "llm", {"failure": failure})
    for path in (page.path, f"/app/assistants/{page.assistant.id}/", "/app/assistants/"):
        told = words(page.member.get(path))
        assert "Doesn't answer" in told, path
        assert "api.example does not accept the key." in told
        assert "Write it anew." in told
        assert "Since" in told
    page.send(page.form(), "test")
    assert "Doesn't answer" not in words(page.member.get("/app/assistants/"))


def test_the_editor_says_whose_the_welcome_is(page: Page) -> None:
    path = f"/app/assistants/{page.assistant.id}/"
    assert "Visitors are greeted with this" not in words(page.member.get(path))
    page.set(llm=json.loads(json.dumps(llm_content.validate(copy.deepcopy(LLM)))))
    assert "Visitors are greeted with this" in words(page.member.get(path))


# --- Versions and files -----------------------------------------------------------------------------------------------


def test_versions_and_comparisons_say_in_words_what_answers(page: Page) -> None:
    with_key = {**copy.deepcopy(LLM), "api_key": "model_key"}
    with_key["tools"][2]["headers"].append({"name": "Authorization", "secret": "shop_key"})
    page.set(llm=llm_content.validate(with_key), on_failure=failing.validate(copy.deepcopy(ON_FAILURE)))
    told = words(page.member.get(f"/app/assistants/{page.assistant.id}/versions/compare?to=draft"))
    for said in (
        "Language model",
        "The secret model_key",
        "Authorization: the secret shop_key",
        "POST https://shop.example.com/orders",
        "Before it; only what the script doesn't know goes on",
        "Einen Moment.",
        "500 tokens",
    ):
        assert said in told, said
    assert '{"type"' not in told.split("Language model")[0]


def export(page: Page) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(page.member.get(f"/app/assistants/{page.assistant.id}/export").content)
    return document


def import_over(page: Page, document: dict[str, Any]) -> Any:
    path = f"/app/assistants/{page.assistant.id}/import"
    form = next(form for form in forms_of(page.member.get(path)) if "text" in form.values)
    form["text"] = json.dumps(document)
    preview = page.member.send(form, op="look")
    shown = next(form for form in forms_of(preview) if ("op", "replace") in form.buttons)
    return preview, page.member.send(shown, op="replace")


def test_a_file_carries_what_answers_and_a_key_that_may_not_go_there_is_left_out(page: Page) -> None:
    with tenant(page.workspace.id):
        secret_store.write(factories.actor(page.workspace), "mine", VALUE)
        row = Assistant.objects.get(id=page.assistant.id)
        content = {**copy.deepcopy(LLM), "api_key": "mine"}
        parts = {"llm": content, "on_failure": ON_FAILURE}
        publishing.change_draft(factories.actor(page.workspace), row, responder="llm", parts=parts)
    before, document = page.row().draft, export(page)
    assert VALUE not in json.dumps(document)
    page.set(responder="scripted", llm={"base_url": ELSEWHERE, "model": "another"})
    preview, done = import_over(page, document)
    assert "left out" not in words(preview)
    assert (page.row().responder, page.row().draft) == ("llm", before)

    document["llm"]["base_url"] = "https://evil.example/v1"
    document["llm"]["tools"][2]["headers"] = [
        {"name": "X-Shop", "value": "de"},
        {"name": "Authorization", "secret": "nobody_has_it"},
    ]
    preview, done = import_over(page, document)
    for answer in (preview, done):
        assert "2 secrets are left out" in words(answer)
        assert "mine, to https://evil.example" in words(answer)
    part = page.row().draft["llm"]
    assert "api_key" not in part
    assert part["tools"][2]["headers"] == [{"name": "X-Shop", "value": "de"}]
    with tenant(page.workspace.id):
        assert not SecretHost.objects.filter(host="https://evil.example").exists()
        assert AuditEvent.objects.filter(action="assistant.imported", data__has_key="secrets_left_out").exists()


def test_a_file_whose_model_is_missing_or_wrong_is_refused_by_its_path(page: Page) -> None:
    path = f"/app/assistants/{page.assistant.id}/import"
    for change, said in (
        ({"responder": "llm"}, "give llm, too"),
        ({"responder": "llm", "llm": {"base_url": "nowhere", "model": "m"}}, "llm.base_url"),
        ({"on_failure": {"scripted": "sometimes"}}, "on_failure.scripted"),
    ):
        form = next(form for form in forms_of(page.member.get(path)) if "text" in form.values)
        form["text"] = json.dumps({**export(page), **change})
        answer = page.member.send(form, op="look")
        assert answer.status_code == 422
        assert said in words(answer)


@pytest.mark.django_db(transaction=True)
def test_the_endpoint_s_models_are_listed_to_choose_from_and_nothing_is_saved(page: Page, model: ModelEnd) -> None:
    with tenant(page.workspace.id):
        secret_store.write(factories.actor(page.workspace), "model_key", VALUE)
    form = page.form()
    form["responder"], form["llm-preset"], form["llm-preset_before"] = "llm", "other", "other"
    answer = page.send(form, "llm-models")
    assert answer.status_code == 200
    form["llm-base_url"], form["llm-instructions"] = model.base_url, "Be kind."
    answer = page.send(form, "llm-models")
    assert text(answer).index('<option value="a-model">') < text(answer).index('<option value="test-model">')
    assert "2 models listed there" in words(answer)
    assert "Be kind." in text(answer)
    assert "llm" not in page.row().draft
    # A key goes nowhere that it was not given for.
    form["llm-api_key"] = "model_key"
    answer = page.send(form, "llm-models")
    assert "Save the draft, then list them." in words(answer)
    assert not any(VALUE in str(asked.headers) for asked in model.asked)
    form["llm-api_key"] = ""
    for plan, said in ((Refuses(401), "does not accept the key"), (Refuses(404, body=b"no"), "lists no models.")):
        model.script(plan)
        assert said in words(page.send(form, "llm-models"))
    form["llm-base_url"] = "http://127.0.0.1:9/v1"
    assert "CONVOSHIP_PRIVATE_ALLOWLIST=127.0.0.1:9." in words(page.send(form, "llm-models"))
    form["llm-base_url"] = "nonsense"
    assert "Give the address of the endpoint first." in words(page.send(form, "llm-models"))
