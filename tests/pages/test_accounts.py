"""Accounts: signing up, in and out, links that work once, passwords, the mails that go with them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from tests import factories
from tests.pages.conftest import Browser, form_of, text
from workspaces import sign_in_links
from workspaces.models import SignInLink, User, Workspace

PASSWORD = "a-quiet-harbour-9"
LINK = re.compile(r"http://127\.0\.0\.1:8000(/\S+)")


@pytest.fixture
def committing(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_signing_up_leads_to_the_first_workspace_and_sends_a_link(
    client: Client, db: None, mailoutbox: list[EmailMessage], committing: Any
) -> None:
    with committing():
        page = client.post("/sign-up/", {"email": "Eve@Example.com", "password1": PASSWORD}, follow=True)
    assert "Name your workspace" in text(page)
    assert User.objects.get().email == "eve@example.com"
    (mail,) = mailoutbox
    assert mail.subject == "Confirm your e-mail address"
    (path,) = LINK.findall(str(mail.body))
    asked = client.get(path)
    assert "Yes, it is mine" in text(asked)
    client.post(path)
    assert "Confirmed" in text(client.get("/account/"))


def test_a_weak_password_is_refused_at_its_field(client: Client, db: None) -> None:
    page = text(client.post("/sign-up/", {"email": "eve@example.com", "password1": "password"}))
    assert 'id="id_password1_error"' in page
    assert not User.objects.exists()


def test_signing_up_with_a_known_address_tells_only_its_owner(
    client: Client, db: None, mailoutbox: list[EmailMessage], committing: Any, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # as on a server that sends mail
    factories.make_user("eve@example.com", PASSWORD)
    with committing():
        client.post("/sign-up/", {"email": "eve@example.com", "password1": PASSWORD}, follow=True)
    assert [mail.subject for mail in mailoutbox] == ["You have an account already"]


def test_signing_in_and_out(client: Client, workspace: Workspace) -> None:
    user = factories.owner_of(workspace)
    user.set_password(PASSWORD)
    user.save()
    page = client.post("/sign-in/", {"login": user.email, "password": PASSWORD}, follow=True)
    assert "Three steps to the first answer" in text(page)
    assert "Sign out?" in text(client.get("/sign-out/"))
    client.post("/sign-out/")
    assert client.get("/", follow=True).redirect_chain == [("/sign-in/", 302)]


def test_after_signing_in_one_is_where_one_wanted_to_go(client: Client, workspace: Workspace) -> None:
    user = factories.owner_of(workspace)
    user.set_password(PASSWORD)
    user.save()
    asked = client.get("/app/channels/", follow=True)
    form = form_of(asked, "/sign-in/")
    form["login"], form["password"] = user.email, PASSWORD
    assert client.post("/sign-in/", form.values)["Location"] == "/app/channels/"


def test_a_wrong_password_says_nothing_about_the_account(client: Client, db: None) -> None:
    factories.make_user("eve@example.com", PASSWORD)
    one = text(client.post("/sign-in/", {"login": "eve@example.com", "password": "wrong"}))
    two = text(client.post("/sign-in/", {"login": "nobody@example.com", "password": "wrong"}))
    said = re.compile(r'role="alert".*?</div>\s*</div>', re.DOTALL)
    assert said.findall(one) == said.findall(two) != []


def test_a_sign_in_link_opens_its_workspace_once(client: Client, workspace: Workspace) -> None:
    user = factories.owner_of(workspace)
    path = sign_in_links.make(user, workspace.id).removeprefix("http://127.0.0.1:8000")
    page = client.get(path, follow=True)
    assert page.redirect_chain == [("/", 302)]
    assert workspace.name in text(page)
    assert "You are signed in as" in text(client.get(path))
    again = Client().get(path)
    assert again.status_code == 410
    assert "This sign-in link is over" in text(again)
    assert "make run" in text(again)


def test_a_link_is_not_spent_by_looking_ahead(client: Client, workspace: Workspace) -> None:
    path = sign_in_links.make(factories.owner_of(workspace)).removeprefix("http://127.0.0.1:8000")
    assert client.head(path).status_code == 405
    assert client.get(path, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 503
    assert SignInLink.objects.get().used_at is None


def test_a_forgotten_password_is_replaced_by_a_link(
    client: Client, db: None, mailoutbox: list[EmailMessage], committing: Any
) -> None:
    factories.make_user("eve@example.com", PASSWORD)
    with committing():
        sent = client.post("/account/password/reset/", {"email": "eve@example.com"}, follow=True)
    assert "Look in your inbox" in text(sent)
    (path,) = LINK.findall(str(mailoutbox[0].body))
    form = form_of(client.get(path, follow=True), "set-password/")
    form["password1"] = form["password2"] = "another-harbour-7"
    assert "Your password is changed" in text(client.post(form.action, form.values, follow=True))
    assert client.post("/sign-in/", {"login": "eve@example.com", "password": "another-harbour-7"}).status_code == 302
    assert "This link is over" in text(Client().get(path, follow=True))


def test_mails_are_plain_text_without_an_exclamation_mark(
    client: Client, db: None, mailoutbox: list[EmailMessage], committing: Any
) -> None:
    with committing():
        client.post("/sign-up/", {"email": "eve@example.com", "password1": PASSWORD})
        client.post("/sign-out/")
        client.post("/account/password/reset/", {"email": "eve@example.com"})
        client.post("/account/password/reset/", {"email": "stranger@example.com"})
    assert len(mailoutbox) == 3
    for mail in mailoutbox:
        assert "!" not in f"{mail.subject}{mail.body}"
        assert "&#" not in str(mail.body)
        assert str(mail.body).startswith("Hello,\n\n")
        assert not getattr(mail, "alternatives", [])


def test_the_name_is_changed(member: Browser) -> None:
    form = form_of(member.get("/account/"), "/account/name")
    form["name"] = "Grace"
    assert "Your name is saved." in text(member.send(form))
    assert User.objects.get(id=member.user.id).name == "Grace"


def test_who_came_by_link_chooses_a_password(member: Browser) -> None:
    page = member.get("/account/password/")
    assert "Choose a password" in text(page)
    form = form_of(page, "/account/password/set/")
    form["password1"] = form["password2"] = PASSWORD
    member.send(form)
    assert User.objects.get(id=member.user.id).check_password(PASSWORD)


def test_ways_to_sign_in_that_are_not_built_are_not_there(client: Client, db: None) -> None:
    for path in ("/accounts/login/", "/account/email/", "/sign-in/code/x/y/", "/account/phone/"):
        assert client.get(path).status_code == 404


def test_behind_our_proxy_each_visitor_has_limits_of_their_own(client: Client, db: None, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "1/h/ip"}

    def ask(address: str) -> int:
        headers = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": address}
        return client.post("/account/password/reset/", {"email": "eve@example.com"}, **headers).status_code  # type: ignore[arg-type]

    assert [ask(address) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")] == [302, 302, 429]
