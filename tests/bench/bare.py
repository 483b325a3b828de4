"""The product with one page more, `/app/bare`: thirty conversations by an index, in the console's frame.

What the inbox's list is measured by: the same door, the same frame, the same rows, and nothing of what makes it a list
that is worked with.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.template import engines
from django.urls import clear_url_caches, path

from convoship.asgi import application as application  # isort: skip (it sets Django up)
from convoship import urls
from deployments.models import Conversation
from workspaces.access import WorkspaceRequest, workspace_page

_PAGE = engines["django"].from_string(
    '{% extends "app.html" %}{% block title %}Bare{% endblock %}'
    '{% block page %}<h1>Bare</h1>{% include "deployments/conversation_rows.html" %}{% endblock %}'
)


@workspace_page("conversations.read")
def bare(request: WorkspaceRequest) -> HttpResponse:
    """The page."""
    rows = Conversation.objects.select_related("person", "assigned_to").order_by("-last_activity_at")[:30]
    return HttpResponse(_PAGE.render({"conversations": list(rows)}, request))


urls.urlpatterns.append(path("app/bare", bare))
clear_url_caches()
