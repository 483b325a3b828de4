"""The Knowledge tab: what a member adds, sees, tries and removes there."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile

from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.knowledge import embedding, sources
from deployments.models import Assistant, KnowledgeEmbedding, KnowledgePage, KnowledgeSource
from tests import factories
from tests.knowledge.conftest import Reader, Site, help_page, reader_in
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces import secret_store
from workspaces.models import SecretHost, Workspace

LONG = "Anything that was bought here can be sent back within sixty days, unused and in its packaging. " * 4


@pytest.fixture
def workspace(db: None) -> Workspace:
    """A workspace."""
    return factories.make_workspace()


@pytest.fixture
def reader(workspace: Workspace) -> Reader:
    """An assistant of it."""
    return reader_in(workspace)


@pytest.fixture
def member(workspace: Workspace) -> Browser:
    """The owner's browser."""
    return browser_of(workspace, factories.owner_of(workspace))


@pytest.fixture
def path(reader: Reader) -> str:
    """The tab's address."""
    return f"/app/assistants/{reader.assistant.id}/knowledge"


def source_of(reader: Reader) -> KnowledgeSource:
    with tenant(reader.workspace.id):
        return KnowledgeSource.objects.get()


def test_a_text_is_pasted_read_tried_and_removed(member: Browser, reader: Reader, path: str) -> None:
    page = member.get(path)
    assert "has read nothing yet" in words(page)
    form = form_of(page, "/knowledge/text")
    form["title"], form["text"] = "Returns", "# Returns\n\nYou may send anything back within sixty days."
    page = member.send(form)
    assert "“Returns” is added and will be read in a moment." in words(page)
    assert "once you publish the assistant" in words(page)
    assert "Being read" in words(page)
    reader.read(source_of(reader))
    page = member.get(path)
    assert "Ready" in words(page)
    form = form_of(page, "/knowledge/ask#ask-title")
    form["ask"] = "how long can I return something?"
    page = member.send(form)
    assert "within sixty days" in words(page)
    assert 'value="how long can I return something?"' in text(page)
    page = member.get(f"{path}/{source_of(reader).id}/remove")
    assert "Nothing of it is found any more" in words(page)
    page = member.send(forms_of(page)[-1])
    assert "“Returns” is removed." in words(page)


def test_a_file_is_uploaded_and_a_wrong_one_is_refused_beside_its_field(
    member: Browser, reader: Reader, path: str
) -> None:
    form = form_of(member.get(path), "/knowledge/file")
    answer = member.client.post(form.action, {**form.values, "file": ContentFile(b"MZ", "a.exe")}, follow=True)
    assert answer.status_code == 415
    assert "Taken are .md, .txt, .html, .pdf and .docx" in words(answer)
    answer = member.client.post(form.action, form.values, follow=True)
    assert answer.status_code == 422
    assert 'id="file_file_error"' in text(answer)
    answer = member.client.post(form.action, {**form.values, "file": ContentFile(LONG.encode(), "a.txt")}, follow=True)
    assert "“a.txt” is added" in words(answer)
    assert reader.read(source_of(reader)).status == "ready"


def test_an_address_that_can_not_be_read_says_why_and_is_fetched_again(
    member: Browser, reader: Reader, path: str, site: Site
) -> None:
    form = form_of(member.get(path), "/knowledge/web")
    form["url"] = "mailto:me@example.com"
    refused = member.send(form)
    assert refused.status_code == 422
    assert 'value="mailto:me@example.com"' in text(refused)
    assert 'id="web_url_error"' in text(refused)
    form["url"], form["refetch_hours"] = site.url + "/help", "24"
    member.send(form)
    reader.read(source_of(reader))
    page = member.get(path)
    assert "There is nothing at this address any more: it answers 404." in words(page)
    site.page("/help", help_page("Help", LONG))
    page = member.send(form_of(page, "/refetch"))
    assert "will be fetched in a moment" in words(page)
    reader.read(source_of(reader))
    page = member.get(f"{path}/{source_of(reader).id}/")
    assert "Ready" in words(page)
    assert "Fetched again" in words(page)
    assert f"{site.url}/help" in words(page)
    form = form_of(page, "/change")
    form["title"], form["refetch_hours"] = "Our help", ""
    assert "Saved." in words(member.send(form))
    assert (source_of(reader).title, source_of(reader).refetch_hours) == ("Our help", None)
    form["title"] = " "
    assert member.send(form).status_code == 422


def test_each_page_of_a_sitemap_is_listed_with_what_is_wrong(
    member: Browser, reader: Reader, path: str, site: Site
) -> None:
    urls = [site.page("/a", help_page("Page A", LONG)), site.url + "/gone"]
    site.page("/sitemap.xml", "".join(["<urlset>", *(f"<url><loc>{url}</loc></url>" for url in urls), "</urlset>"]))
    form = form_of(member.get(path), "/knowledge/web")
    form["url"], form["kind"] = site.url + "/sitemap.xml", "sitemap"
    member.send(form)
    reader.read(source_of(reader))
    page = words(member.get(path))
    assert "Partly read 1 of 2 pages" in page
    page = words(member.get(f"{path}/{source_of(reader).id}/"))
    assert "Page A" in page
    assert "it answers 404" in page


def test_who_may_only_look_sees_no_buttons(workspace: Workspace, reader: Reader, member: Browser, path: str) -> None:
    form = form_of(member.get(path), "/knowledge/text")
    form["title"], form["text"] = "Returns", LONG
    member.send(form)
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = viewer.get(path)
    actions = [one.action for one in forms_of(page) if "/knowledge/" in one.action]
    assert [action.rpartition("/")[2].partition("#")[0] for action in actions] == ["ask"]
    assert "Remove" not in words(page)


def test_without_pgvector_the_page_says_so_and_everything_else_works(
    member: Browser, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "is_possible", lambda: False)
    page = member.get(path)
    assert "lacks the extension pgvector" in words(page)
    assert not [one for one in forms_of(page) if one.action.endswith("/embeddings")]


def test_an_endpoint_is_set_and_left_out_again(member: Browser, reader: Reader, path: str) -> None:
    form = form_of(member.get(path), "/knowledge/embeddings")
    form["base_url"] = "nonsense"
    refused = member.send(form, op="save")
    assert refused.status_code == 422
    assert 'id="embeddings_base_url_error"' in text(refused)
    assert 'id="embeddings_model_error"' in text(refused)
    form["base_url"], form["model"] = "https://api.example/v1/", "one"
    assert "Not tried yet" in words(member.send(form, op="save"))
    with tenant(reader.workspace.id):
        assert KnowledgeEmbedding.objects.get().base_url == "https://api.example/v1"
    page = member.send(form_of(member.get(path), "/knowledge/embeddings"), op="remove")
    assert "by their words alone" in words(page)
    assert "No endpoint is set." in words(page)


def test_a_key_that_goes_to_a_new_host_is_typed_once_more_and_never_shown(
    member: Browser, reader: Reader, path: str
) -> None:
    with tenant(reader.workspace.id):
        secret_store.write(reader.actor, "a_key", "sk-not-to-be-shown")
    form = form_of(member.get(path), "/knowledge/embeddings")
    assert "secret_value" not in form.values
    form["base_url"], form["model"], form["secret"] = "https://api.example/v1", "one", "a_key"
    assert "Not tried yet" in words(member.send(form, op="save"))
    form["base_url"] = "https://elsewhere.example/v1"
    refused = member.send(form, op="save")
    assert refused.status_code == 422
    assert "has not been sent to https://elsewhere.example before" in words(refused)
    asked = form_of(refused, "/knowledge/embeddings")
    asked["secret_value"] = "sk-not-to-be-sho"
    again = member.send(asked, op="save")
    assert "That is not its value." in words(again)
    assert "sk-not-to-be-sho" not in text(again)
    asked = form_of(again, "/knowledge/embeddings")
    assert (asked["base_url"], asked["secret"]) == ("https://elsewhere.example/v1", "a_key")
    asked["secret_value"] = "sk-not-to-be-shown"
    assert member.send(asked, op="save").status_code == 200
    with tenant(reader.workspace.id):
        assert KnowledgeEmbedding.objects.get().base_url == "https://elsewhere.example/v1"
        hosts = SecretHost.objects.filter(key="a_key").values_list("host", flat=True)
        assert set(hosts) == {"https://api.example", "https://elsewhere.example"}


def test_the_page_says_who_answers_from_it(member: Browser, reader: Reader, path: str) -> None:
    reader.add(sources.add_text, title="Returns", text=LONG)

    def answers_by(responder: str, **llm: Any) -> str:
        with tenant(reader.workspace.id):
            row = Assistant.objects.get(id=reader.assistant.id)
            row.responder = responder
            row.draft = {**row.draft, "llm": {"base_url": "https://m.example/v1", "model": "one", **llm}}
            row.save()
            publishing.make_published(reader.actor, row, publishing.freeze(reader.actor, row))
        return words(member.get(path))

    assert "The model isn't given what is read here" in answers_by("llm", knowledge=False)
    told = answers_by("llm")
    assert "isn't given" not in told
    assert "once you publish" not in told
    with tenant(reader.workspace.id):
        Assistant.objects.update(draft={**reader.assistant.draft, "llm": {}}, responder="scripted")
    assert "“Answers from knowledge” is off" in words(member.get(path))


@pytest.mark.parametrize("typed", ["\x00", "", "   ", "a" * 5_000, "' | ! & <-> :*"])
def test_whatever_is_typed_as_a_question_is_answered(member: Browser, reader: Reader, path: str, typed: str) -> None:
    form: Any = form_of(member.get(path), "/knowledge/ask#ask-title")
    form["ask"] = typed
    assert member.send(form).status_code in {200, 422}


def test_a_pasted_text_is_shown_as_it_was_read_and_edited(member: Browser, reader: Reader, path: str) -> None:
    form = form_of(member.get(path), "/knowledge/text")
    form["title"], form["text"] = "Returns", "# Returns\n\nYou may send anything back within sixty days."
    member.send(form)
    source = source_of(reader)
    change = form_of(member.get(f"{path}/{source.id}/"), "/change")
    change["text"] = "Another text."
    answer = member.send(change)
    assert "The text is just being read." in words(answer)
    reader.read(source)
    with tenant(reader.workspace.id):
        page_id = KnowledgePage.objects.get().id
    shown = member.get(f"{path}/{source.id}/documents/{page_id}")
    assert "You may send anything back within sixty days." in words(shown)
    page = member.get(f"{path}/{source.id}/")
    assert f"/documents/{page_id}" in text(page)
    change = form_of(page, "/change")
    member.send(change)
    assert source_of(reader).status == "ready", "the same text is not read again"
    change["text"] = "You may send anything back within ninety days.\r\n\r\nIn its packaging."
    page = member.send(change)
    assert "Being read" in words(page)
    assert any("sixty" in one.text for one in reader.find("send anything back")), "what it said is found meanwhile"
    reader.read(source_of(reader))
    found = [one.text for one in reader.find("send anything back")]
    assert any("ninety days" in one for one in found)
    assert not any("sixty" in one for one in found)
    change["text"] = " "
    assert "Write or paste what the assistant should know." in words(member.send(change))
    assert member.get(f"{path}/{source.id}/documents/{source.id}").status_code == 404


def test_a_title_that_is_changed_is_what_is_cited_also_after_it_was_fetched_again(
    member: Browser, reader: Reader, path: str, site: Site
) -> None:
    form = form_of(member.get(path), "/knowledge/web")
    form["url"], form["kind"] = site.page("/returns", help_page("p.html | Shop", LONG)), "page"
    member.send(form)
    reader.read(source_of(reader))
    change = form_of(member.get(f"{path}/{source_of(reader).id}/"), "/change")
    change["title"] = "Sending things back"
    page = member.send(change)
    assert next(one.title for one in reader.find("sent back within sixty days")).startswith("Sending things back")
    assert reader.find("sending things"), "the new title's words are found"
    site.page("/returns", help_page("p.html | Shop", f"{LONG} Now."))
    page = member.send(form_of(page, "/refetch"))
    assert f"/{source_of(reader).id}/change" in text(page), "it leads back to where the button is"
    reader.read(source_of(reader))
    assert next(one.title for one in reader.find("sent back within sixty days")).startswith("Sending things back")


def test_a_source_that_was_never_read_says_that_it_was_tried(
    member: Browser, reader: Reader, path: str, site: Site
) -> None:
    form = form_of(member.get(path), "/knowledge/web")
    form["url"], form["kind"] = f"{site.url}/nothing", "page"
    member.send(form)
    reader.read(source_of(reader))
    source = source_of(reader)
    assert source.status == "failed"
    assert "Tried just now" in words(member.get(f"{path}/{source.id}/"))
