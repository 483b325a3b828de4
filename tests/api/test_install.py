"""Installing by program: the snippets, a link to the test page, and the check of a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from convoship.lib.outbound import Fetched
from convoship.lib.tenancy import tenant
from deployments import page_check, page_reading
from deployments.deploying import NewDeployment
from deployments.page_check import Look
from tests import factories
from tests.api.conftest import Program, program
from workspaces.models import ApiKey


@pytest.fixture
def made(api: Program) -> NewDeployment:
    return factories.make_deployment(api.workspace)


@pytest.fixture
def path(made: NewDeployment) -> str:
    return f"/deployments/{made.deployment.id}"


def test_every_snippet_has_a_stand_in_that_a_program_replaces(api: Program, made: NewDeployment, path: str) -> None:
    data = api.get(f"{path}/snippets").data
    assert data["placeholder"] == f"{made.token[:12]}_PASTE_YOUR_TOKEN"
    assert [it["key"] for it in data["snippets"]] == ["async", "plain", "pinned", "react", "vue", "wordpress", "gtm"]
    assert all(it["code"].count(data["placeholder"]) == 1 for it in data["snippets"])
    assert data["snippets"][0]["code"].replace(data["placeholder"], made.token) == made.embed_snippet
    assert "connect-src http://127.0.0.1:8000 ws://127.0.0.1:8000" in data["content_security_policy"]
    assert data["seen_on"] == []


def test_a_test_link_works_for_anyone_and_is_told_once(api: Program, path: str) -> None:
    first = api.post(f"{path}/test-link", **{"Idempotency-Key": "a"})
    again = api.post(f"{path}/test-link", **{"Idempotency-Key": "a"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.data["url"], again.data["replayed"]) == (None, True)
    answer = Client().get(urlsplit(first.data["url"]).path)
    assert answer.status_code == 200
    assert b"data-own-chat" in answer.content


def test_a_link_goes_with_the_key_that_made_it(api: Program, path: str) -> None:
    link = urlsplit(api.made(f"{path}/test-link", None)["url"]).path
    with tenant(api.workspace.id):
        ApiKey.objects.all().delete()
    assert Client().get(link).status_code == 410


def test_a_page_is_checked(api: Program, made: NewDeployment, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = [("content-type", "text/html"), ("content-security-policy", "connect-src 'self'")]
    fetched = Fetched("https://blog.example/", 200, headers, made.embed_snippet.encode(), "utf-8")
    looked = Look("https://blog.example/", page_reading.read(fetched, "https://blog.example/"))
    monkeypatch.setattr(page_check, "look", lambda address: looked)
    answer = api.post(f"{path}/check-page", {"url": "https://blog.example/"})
    assert answer.status_code == 200
    report = answer.data
    assert (report["verdict"], report["origin"]) == ("broken", "https://blog.example")
    by_code = {it["code"]: it for it in report["findings"]}
    assert list(by_code) == ["origin_refused", "csp_calls", "token_right"]
    assert by_code["origin_refused"]["origin"] == "https://blog.example"
    assert by_code["csp_calls"]["line"] == "connect-src 'self' http://127.0.0.1:8000 ws://127.0.0.1:8000;"


@pytest.mark.parametrize(
    ("url", "code"), [("http://127.0.0.1/", "refused"), ("ftp://shop.example/", "refused"), ("a b", "refused")]
)
def test_what_can_not_be_fetched_is_an_answer_and_no_error(url: str, code: str, api: Program, path: str) -> None:
    answer = api.post(f"{path}/check-page", {"url": url})
    assert (answer.status_code, answer.data["verdict"]) == (200, "not_read")
    assert [it["code"] for it in answer.data["findings"]] == [code]


@pytest.mark.parametrize(
    "body", [{}, {"url": ""}, {"url": 1}, {"url": "x" * 2001}, {"url": "https://a.example", "x": 1}]
)
def test_a_body_that_is_wrong_is_named(body: Any, api: Program, path: str) -> None:
    answer = api.post(f"{path}/check-page", body)
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")


def test_checks_are_limited(api: Program, path: str, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "page_checks": "1/60"}
    assert api.post(f"{path}/check-page", {"url": "http://127.0.0.1/"}).status_code == 200
    answer = api.post(f"{path}/check-page", {"url": "http://127.0.0.1/"})
    assert (answer.status_code, answer.data["code"]) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0


def test_a_key_that_may_only_read_checks_pages_and_makes_no_links(api: Program, path: str) -> None:
    reader = program(("deployments:read",), api.workspace)
    assert reader.get(f"{path}/snippets").status_code == 200
    assert reader.post(f"{path}/check-page", {"url": "http://127.0.0.1/"}).status_code == 200
    assert reader.post(f"{path}/test-link").data["code"] == "scope_missing"


def test_nothing_of_another_workspace(stranger: Program, path: str) -> None:
    assert stranger.get(f"{path}/snippets").status_code == 404
    assert stranger.post(f"{path}/test-link").status_code == 404
    assert stranger.post(f"{path}/check-page", {"url": "http://127.0.0.1/"}).status_code == 404
