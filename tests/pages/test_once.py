"""A form whose answer shows a secret makes one, however often and however fast its button is pressed."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client

from convoship.lib.tenancy import tenant
from tests.pages.conftest import Browser, form_of
from workspaces.models import ApiKey, Workspace

CLICKS = 4


@pytest.mark.django_db(transaction=True)
def test_clicks_at_the_same_moment_make_one_secret(member: Browser, workspace: Workspace) -> None:
    form = form_of(member.get("/app/workspace/"), "/api-keys/new")
    form["name"] = "Deploy script"
    form["scopes"] = ["assistants:read"]
    start = Barrier(CLICKS)

    def click(_: int) -> str:
        # Each with its own copy of the session, as a request reads it before another has written it.
        client = Client()
        client.cookies = member.client.cookies
        start.wait(timeout=20)
        try:
            return client.post(form.action, form.values, follow=True).content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(CLICKS) as pool:
        pages = list(pool.map(click, range(CLICKS)))
    assert sum(bool(re.search(r"csk_[0-9A-Za-z]{38}", page)) for page in pages) == 1
    assert sum("This form has made its key already" in page for page in pages) >= 1
    with tenant(workspace.id):
        assert ApiKey.objects.count() == 1
