"""A member's browser without JavaScript: it reads forms from pages, fills them in and sends them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests import factories
from tests.channels import far_end
from tests.channels.conftest import Bridge, make_bridge
from workspaces.models import User, Workspace

# What Django's test client answers: an HttpResponse with what the request was.
Response = Any


def text(response: Response) -> str:
    """The page's source."""
    source: str = response.content.decode()
    return source


def words(response: Response) -> str:
    """What a reader of the page reads, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text(response))).split())


@dataclass
class Form:
    """A form as a browser would send it."""

    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    is_disabled: bool = False

    def __setitem__(self, name: str, value: str | Iterable[str]) -> None:
        assert name in self.values or not isinstance(value, str), f"the form has no field {name}: {list(self.values)}"
        self.values[name] = [value] if isinstance(value, str) else list(value)

    def __getitem__(self, name: str) -> str:
        return self.values[name][0]

    def field(self, ending: str) -> str:
        """The last field whose name ends like this: that of the row added last."""
        return [name for name in self.values if name.endswith(ending)][-1]


class _Reader(HTMLParser):
    """Collects the forms of a page, leaving out `<template>`s, which no browser sends."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.templates = 0
        self.textarea: str | None = None
        self.select: str | None = None
        self.first_option: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "template":
            self.templates += 1
        if self.templates:
            return
        if tag == "form":
            self.form = Form(given.get("action", ""))
            self.forms.append(self.form)
        elif self.form is None:
            return
        elif tag == "input" and "name" in given:
            self._input(given)
        elif tag == "textarea":
            self.textarea = given["name"]
            self.form.values.setdefault(given["name"], []).append("")
        elif tag == "select":
            self.select, self.first_option = given["name"], None
        elif tag == "option" and self.select:
            if self.first_option is None:
                self.first_option = given["value"]
                self.form.values[self.select] = [given["value"]]
            if "selected" in given:
                self.form.values[self.select] = [given["value"]]
        elif tag == "button" and "name" in given:
            self.form.buttons.append((given["name"], given.get("value", "")))
        elif tag == "fieldset" and "disabled" in given:
            self.form.is_disabled = True

    def _input(self, given: dict[str, str]) -> None:
        assert self.form is not None
        kind = given.get("type", "text")
        if kind in {"checkbox", "radio"} and "checked" not in given:
            return
        if kind not in {"submit", "button"}:
            value = given.get("value", "on" if kind == "checkbox" else "")
            self.form.values.setdefault(given["name"], []).append(value)

    def handle_data(self, data: str) -> None:
        if self.textarea and self.form and not self.templates:
            kept = self.form.values[self.textarea]
            # The first line end after the tag belongs to the markup.
            kept[-1] += data if kept[-1] else data.removeprefix("\r").removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self.templates -= 1
        elif tag == "textarea":
            self.textarea = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.form = None


def forms_of(response: Response) -> list[Form]:
    """Every form of the page."""
    reader = _Reader()
    reader.feed(text(response))
    for form in reader.forms:
        form.action = form.action or response.request["PATH_INFO"]
    return reader.forms


def form_of(response: Response, action: str) -> Form:
    """The page's form that is sent to this address."""
    found = [form for form in forms_of(response) if form.action.endswith(action)]
    assert found, f"no form to {action} among {[form.action for form in forms_of(response)]}"
    return found[0]


@dataclass
class Browser:
    """A member's browser in a workspace. It follows redirects, keeps cookies and checks CSRF."""

    client: Client
    user: User
    workspace: Workspace

    def get(self, path: str, **extra: Any) -> Response:
        return self.client.get(path, follow=True, **extra)

    def post(self, path: str, data: Any = None, **extra: Any) -> Response:
        """A POST that no form of ours made, without a CSRF token."""
        return Client.post(self.client, path, data or {}, follow=True, **extra)

    def send(self, form: Form, **pressed: str) -> Response:
        """Send a form by pressing one of its buttons (`op="save"`)."""
        for name, value in pressed.items():
            assert (name, value) in form.buttons, f"no button {name}={value}: {form.buttons}"
        return self.client.post(form.action, {**form.values, **pressed}, follow=True)


def browser_of(workspace: Workspace, user: User) -> Browser:
    """This user's browser, signed in."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    session = client.session
    session["workspace_id"] = str(workspace.id)
    session.save()
    return Browser(client, user, workspace)


@pytest.fixture
def workspace(db: None) -> Workspace:
    """A workspace."""
    return factories.make_workspace()


@pytest.fixture
def member(workspace: Workspace) -> Browser:
    """The owner's browser."""
    return browser_of(workspace, factories.owner_of(workspace))


@pytest.fixture
def bridge(transactional_db: None, workspace: Workspace, settings: Any) -> Iterator[Bridge]:
    """A custom webhook of the workspace's, with a far end that may be called although it is on this machine."""
    with far_end.running() as end:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", end.port)})
        yield make_bridge(workspace, end)


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """django-allauth counts its mails in the cache; no test shall meet another's count."""
    cache.clear()
