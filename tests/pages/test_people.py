"""People on their pages: the list, one person, fields, notes, merging, blocking, exporting, erasing."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import consents
from channels_app.models import InboundEvent
from convoship.lib.tenancy import tenant
from deployments.models import Conversation, Identity, Person, PersonMerge
from deployments.models.person import IdentityKind
from tests import factories, people
from tests.pages.conftest import Browser, Response, browser_of, form_of, text, words
from workspaces.models import Workspace

XSS = "<script>alert(1)</script>\"'>"
SAFE = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture
def owner(workspace: Workspace) -> Browser:
    return browser_of(workspace, factories.owner_of(workspace))


def send(browser: Browser, page: str, action: str, values: dict[str, str]) -> Response:
    """Fill in the form of this page that is sent to this address, and send it."""
    form = form_of(browser.get(page), action)
    for name, value in values.items():
        form[name] = value
    return browser.send(form)


def where(response: Response) -> str:
    """The page that the browser was led to."""
    return str(response.redirect_chain[-1][0])


NEW = "/app/people/fields/new"


def test_the_list_is_searched_filtered_and_gone_through(workspace: Workspace, owner: Browser) -> None:
    assert "Nobody yet" in words(owner.get("/app/people/"))
    for number in range(35):
        people.at_number(workspace, f"+141555501{number:02}", f"Person {number:02}")
    proved = people.proved(workspace, "crm-1", "Proved Paula")
    first = owner.get("/app/people/")
    assert "Proved Paula" in words(first)
    assert "Person 34" in words(first)
    assert "Person 04" not in words(first)
    (older,) = [part for part in text(first).split('"') if "after=" in part]
    second = owner.get(older.replace("&amp;", "&"))
    assert "Person 04" in words(second)
    assert "First page" in words(second)
    assert "Person 07" in words(owner.get("/app/people/?q=%2B1+415+555+0107"))
    assert "Nobody found" in words(owner.get("/app/people/?q=nobody+at+all"))
    # Whose label is made of their id is found by it.
    unnamed = people.at_number(workspace, "+14155550199")
    for asked in (unnamed.label, unnamed.label.split()[1].lower(), "visitor", str(unnamed.id)):
        found = words(owner.get(f"/app/people/?{urlencode({'q': asked})}"))
        assert f"{unnamed.label} " in found, asked
        assert "Proved Paula" not in found
    merge = words(owner.get(f"/app/people/{proved.id}/merge?{urlencode({'q': unnamed.label})}"))
    assert f"{unnamed.label} " in merge.partition("Search people")[2]
    # A WhatsApp account is known by the number that is there already.
    with tenant(workspace.id):
        Identity.objects.create(person=unnamed, kind=IdentityKind.WHATSAPP, value="14155550199")
    assert "14155550199, +1" not in words(owner.get("/app/people/?q=visitor"))
    verified = words(owner.get("/app/people/?show=verified"))
    assert "Proved Paula" in verified
    assert "Person 3" not in verified
    assert f"/app/people/{proved.id}/" in text(owner.get("/app/people/?q=crm-1"))


@pytest.mark.parametrize("query", ["?after=zzz", "?q=%00", "?show=nothing&channel=fax", "?q=%25_%5C"])
def test_an_address_that_makes_no_sense_is_no_fault(owner: Browser, query: str) -> None:
    assert owner.get(f"/app/people/{query}").status_code == 200


def test_names_are_never_markup(workspace: Workspace, owner: Browser) -> None:
    site = factories.make_deployment(workspace)
    one, opened = people.met(site, user={"name": XSS})
    two, _ = people.met(site, user={"name": XSS})
    send(owner, NEW, "/new", {"label": XSS, "key": "plan", "kind": "choice", "choices": XSS})
    send(owner, f"/app/people/{one.id}/edit", "/edit", {"name": XSS, "own-plan": XSS})
    send(owner, f"/app/people/{one.id}/", "/notes", {"text": XSS})
    send(owner, f"/app/people/{one.id}/", "/block", {"reason": XSS})
    for path in (
        "/app/people/",
        f"/app/people/{one.id}/",
        f"/app/people/{one.id}/edit",
        f"/app/people/{one.id}/merge",
        f"/app/people/{one.id}/merge?with={two.id}",
        f"/app/people/{one.id}/erase",
        "/app/people/fields/",
        f"/app/conversations/{opened.session.conversation_id}/",
    ):
        page = text(owner.get(path))
        assert SAFE in page, path
        assert "<script>alert" not in page, path


def test_a_person_shows_how_each_address_is_known_and_what_was_said_about_consent(
    workspace: Workspace, owner: Browser
) -> None:
    person = people.at_number(workspace, "+14155550123", "Cleo")
    with tenant(workspace.id):
        from channels_app import connections

        connection = connections.create(
            factories.actor(workspace),
            kind="custom_webhook",
            name="Bridge",
            assistant_id=factories.make_assistant(workspace).id,
            config={"url": "https://bridge.example/hook", "events": ["message.created"]},
            credentials={},
        ).connection
        consents.note(connection, "+14155550123", withdrawn=True, source=consents.wrote("Stop"))
    shown = words(owner.get(f"/app/people/{person.id}/"))
    assert "+14155550123 Phone number. They wrote or called from this number." in shown
    assert "Opted out +14155550123 over Bridge" in shown
    assert "They wrote 'Stop'." in shown
    assert "Cleo as typed, not checked" in shown
    proved = people.proved(workspace, "crm-1", "Paula")
    assert "crm-1 Proved by your own server" in words(owner.get(f"/app/people/{proved.id}/"))


def test_what_is_known_is_corrected_and_stands_beside_the_conversation(workspace: Workspace, owner: Browser) -> None:
    person, opened = people.met(factories.make_deployment(workspace), user={"name": "Jon", "email": "j@a.example"})
    for key, kind, more in (("plan", "choice", "free\npaid"), ("born", "date", ""), ("vip", "yes_no", "")):
        made = send(owner, NEW, "/new", {"label": key.title(), "key": key, "kind": kind, "choices": more})
        assert where(made) == "/app/people/fields/", words(made)
    form = form_of(owner.get(f"/app/people/{person.id}/edit"), "/edit")
    assert form["name"] == "Jon"
    form["name"], form["own-plan"], form["own-born"], form["own-vip"] = "John", "paid", "1990-02-30", "yes"
    wrong = owner.send(form)
    assert wrong.status_code == 422
    assert "A date, such as 2026-11-27." in words(wrong)
    assert form_of(wrong, "/edit")["name"] == "John"  # nothing typed is lost
    form["own-born"] = "1990-02-28"
    assert where(owner.send(form)) == f"/app/people/{person.id}/"
    talk = words(owner.get(f"/app/conversations/{opened.session.conversation_id}/"))
    assert "Plan paid" in talk
    assert "Born 1990-02-28" in talk
    assert "Vip Yes" in talk
    again = form_of(owner.get(f"/app/people/{person.id}/edit"), "/edit")
    assert (again["own-plan"], again["own-vip"]) == ("paid", "yes")
    assert f'/app/people/{person.id}/"' in text(owner.get(f"/app/conversations/{opened.session.conversation_id}/"))


def test_a_field_is_changed_and_deleted_with_what_is_in_it(workspace: Workspace, owner: Browser) -> None:
    person = people.at_number(workspace, "+14155550123")
    refused = send(owner, NEW, "/new", {"label": "", "key": "Not a key", "kind": "colour", "choices": "a\nb"})
    assert refused.status_code == 422
    assert "beginning with a letter" in words(refused)
    # What can be chosen is asked of one kind alone, and forgotten of others.
    send(owner, NEW, "/new", {"label": "Plan", "key": "plan", "choices": "free"})
    send(owner, f"/app/people/{person.id}/edit", "/edit", {"own-plan": "gold"})
    (path,) = {part for part in text(owner.get("/app/people/fields/")).split('"') if part.endswith("/delete")}
    edit = path.removesuffix("delete")
    assert "Tariff" in words(send(owner, edit, edit, {"label": "Tariff"}))
    assert "What it says of 1 person is deleted with it." in words(owner.get(path))
    send(owner, path, path, {})
    with tenant(workspace.id):
        assert Person.objects.get(id=person.id).fields == {}


def test_a_note_that_can_not_be_kept_is_still_there_to_be_mended(workspace: Workspace, owner: Browser) -> None:
    person = people.at_number(workspace, "+14155550123")
    path = f"/app/people/{person.id}/"
    empty = send(owner, path, "/notes", {"text": "  "})
    assert (empty.status_code, "Write a note first." in words(empty)) == (422, True)
    long = send(owner, path, "/notes", {"text": "word " * 1000})
    assert long.status_code == 422
    assert "word word" in words(long)
    assert "Likes ships." in words(send(owner, path, "/notes", {"text": "Likes ships."}))
    form = form_of(owner.get(path), "/delete")
    owner.send(form)
    assert "Likes ships." not in words(owner.get(path))


def test_two_are_merged_with_open_eyes_and_parted_again(workspace: Workspace, owner: Browser) -> None:
    ada, _ = people.met(factories.make_deployment(workspace), user={"name": "Ada", "email": "ada@navy.example"})
    phone = people.at_number(workspace, "+14155550123", "Ada")
    page = owner.get(f"/app/people/{ada.id}/merge")
    assert "With the same name or e-mail. That alone proves nothing." in words(page)
    assert str(phone.id) in text(page)
    look = owner.get(f"/app/people/{ada.id}/merge?with={phone.id}")
    assert "Addresses – +14155550123 +14155550123" in words(look)
    assert "0 conversations and 0 notes" in words(look)
    assert f"/app/people/{phone.id}/merge?with={ada.id}" in text(look)
    done = owner.send(form_of(look, "/merge"))
    assert where(done) == f"/app/people/{ada.id}/"
    assert where(owner.get(f"/app/people/{phone.id}/")) == f"/app/people/{ada.id}/"
    kept = owner.get(f"/app/people/{ada.id}/")
    assert "+14155550123" in words(kept)
    parted = owner.send(form_of(kept, "/undo"))
    assert where(parted) == f"/app/people/{phone.id}/"
    assert "+14155550123" not in words(owner.get(f"/app/people/{ada.id}/"))
    again = owner.send(form_of(kept, "/undo"))
    assert "undone already" in words(again)


def test_who_can_not_be_merged_is_refused_with_words(workspace: Workspace, owner: Browser) -> None:
    one, two = people.proved(workspace, "u-1", "One"), people.proved(workspace, "u-2", "Two")
    refused = owner.get(f"/app/people/{one.id}/merge?with={two.id}")
    assert refused.status_code == 422
    assert "Both are proved by your own server" in words(refused)
    other = people.at_number(workspace, "+14155550123", "Three")
    form = form_of(owner.get(f"/app/people/{one.id}/merge?with={other.id}"), "/merge")
    for nobody in (uuid4(), "nonsense", one.id, two.id):
        form["with"] = str(nobody)
        assert owner.send(form).status_code == 422
    with tenant(workspace.id):
        assert not PersonMerge.objects.exists()


def test_a_person_is_blocked_and_let_in_again(workspace: Workspace, owner: Browser) -> None:
    person, opened = people.met(factories.make_deployment(workspace), user={"name": "Ada"})
    path = f"/app/people/{person.id}/"
    form = form_of(owner.get(path), "/block")
    form["reason"] = "Insults"
    owner.send(form)
    shown = words(owner.get(path))
    assert "Nothing they write is answered, and nothing is sent to them. Reason: Insults" in shown
    with tenant(workspace.id):
        assert Conversation.objects.get(id=opened.session.conversation_id).status == "completed"
    assert "Ada" in words(owner.get("/app/people/?show=blocked"))
    owner.send(form_of(owner.get(path), "/unblock"))
    assert "Block this person" in words(owner.get(path))


def test_what_a_blocked_person_sent_stands_with_its_event_and_a_way_to_let_them_in(
    workspace: Workspace, owner: Browser
) -> None:
    from channels_app import connections, inbound
    from channels_app.providers.events import MessageReceived
    from tests.channels.requests import request_of

    with tenant(workspace.id):
        connection = connections.create(
            factories.actor(workspace),
            kind="custom_webhook",
            name="Bridge",
            assistant_id=factories.make_assistant(workspace).id,
            config={"url": "https://bridge.example/hook", "events": ["message.created"]},
            credentials={},
        ).connection
        for number in range(2):
            event = MessageReceived(key=f"key {number}", address="room-1", text=f"hello {number}", user={"name": "Ada"})
            inbound.record(connection, [event], request_of())
            # Within one transaction the database's clock stands still.
            InboundEvent.objects.update(due_at=timezone.now() - timedelta(minutes=1))
            for claimed in inbound.claim(workspace.id, 5):
                inbound.handle(claimed)
            if not number:
                person = Person.objects.get(name="Ada")
                from deployments import blocking

                blocking.block(factories.actor(workspace), person)
        kept = InboundEvent.objects.get(key="key 1")
        assert kept.content["text"] == "hello 1"
        assert Conversation.objects.filter(person=person).count() == 1
    page = owner.get(f"/app/channels/{connection.id}/events")
    assert "They are blocked, so nothing answers them." in words(page)
    owner.send(form_of(page, "/unblock"))
    with tenant(workspace.id):
        assert Person.objects.get(id=person.id).blocked_at is None


def test_a_person_is_exported_by_who_may(workspace: Workspace, owner: Browser) -> None:
    person, _ = people.met(factories.make_deployment(workspace), "Where is my parcel?", user={"name": "Ada"})
    document = json.loads(owner.get(f"/app/people/{person.id}/export.json").content)
    assert document["person"]["name"] == "Ada"
    agent = browser_of(workspace, factories.member(workspace, "agent"))
    assert agent.get(f"/app/people/{person.id}/export.json").status_code == 403
    assert "Erase this person" not in words(agent.get(f"/app/people/{person.id}/"))
    assert "Block this person" in words(agent.get(f"/app/people/{person.id}/"))
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    seen = words(viewer.get(f"/app/people/{person.id}/"))
    assert "Block this person" not in seen
    assert "Keep the note" not in seen


def test_erasing_takes_a_typed_word_and_leaves_the_proof(workspace: Workspace, owner: Browser) -> None:
    person, opened = people.met(factories.make_deployment(workspace), "I am Ada", user={"name": "Ada"})
    path = f"/app/people/{person.id}/erase"
    form = form_of(owner.get(path), "/erase")
    unsure = owner.send(form)
    assert unsure.status_code == 422
    assert "Type erase to erase this person." in words(unsure)
    form["sure"] = " Erase "
    assert where(owner.send(form)) == f"/app/people/{person.id}/"
    proof = words(owner.get(f"/app/people/{person.id}/"))
    assert "Erased person" in proof
    assert "Conversations 1" in proof
    assert "Ada" not in proof.replace("Adamant", "")
    talk = words(owner.get(f"/app/conversations/{opened.session.conversation_id}/"))
    assert "Erased person" in talk
    assert "I am Ada" not in talk
    assert f"/app/people/{person.id}/" not in text(owner.get(f"/app/conversations/{opened.session.conversation_id}/"))
    assert "Nobody yet" in words(owner.get("/app/people/"))
