"""Django admin: what answers, where it is embedded, and what was said. To be looked at from inside a workspace."""

from __future__ import annotations

from django.contrib import admin

from deployments.models import (
    Assistant,
    AssistantVersion,
    Conversation,
    Deployment,
    DeploymentToken,
    Message,
    Person,
    SessionToken,
    Turn,
    VisitorSession,
)
from workspaces.tenant_admin import TenantAdmin


@admin.register(Assistant)
class AssistantAdmin(TenantAdmin):
    """Assistants and their drafts."""

    list_display = ("name", "responder", "published", "draft_changed_at", "created_at")
    list_select_related = ("published",)
    search_fields = ("name",)


@admin.register(AssistantVersion)
class AssistantVersionAdmin(TenantAdmin):
    """What was published."""

    list_display = ("assistant", "number", "note", "published_by", "published_at")
    list_select_related = ("assistant", "published_by")
    list_filter = ("assistant",)
    ordering = ("-published_at",)


@admin.register(Deployment)
class DeploymentAdmin(TenantAdmin):
    """Where assistants are embedded."""

    list_display = ("name", "assistant", "status", "allowed_origins", "last_used_at", "last_used_origin", "created_at")
    list_select_related = ("assistant",)
    search_fields = ("name", "last_used_origin")
    ordering = ("-created_at",)


@admin.register(DeploymentToken)
class DeploymentTokenAdmin(TenantAdmin):
    """Tokens: prefixes only."""

    list_display = ("prefix", "deployment", "created_at", "expires_at")
    list_select_related = ("deployment",)
    search_fields = ("prefix",)
    ordering = ("-created_at",)


@admin.register(Person)
class PersonAdmin(TenantAdmin):
    """Who the workspace talks with."""

    list_display = ("label", "email", "created_at")
    search_fields = ("name", "email", "visitor_id")
    ordering = ("-created_at",)


@admin.register(Conversation)
class ConversationAdmin(TenantAdmin):
    """Conversations, the last one that moved first."""

    list_display = ("id", "person", "assistant", "channel", "status", "control", "last_text", "last_activity_at")
    list_select_related = ("person", "assistant")
    list_filter = ("status", "control", "channel", "assistant")
    search_fields = ("last_text", "person__name", "person__email")
    ordering = ("-last_activity_at",)


@admin.register(Message)
class MessageAdmin(TenantAdmin):
    """What was said."""

    list_display = ("conversation", "seq", "author_kind", "author_name", "text", "status", "created_at")
    list_select_related = ("conversation",)
    list_filter = ("author_kind", "status")
    search_fields = ("text",)
    ordering = ("-created_at",)


@admin.register(Turn)
class TurnAdmin(TenantAdmin):
    """How answers came about."""

    list_display = ("conversation", "seq", "status", "attempts", "reason", "created_at", "finished_at")
    list_select_related = ("conversation",)
    list_filter = ("status",)
    search_fields = ("reason",)
    ordering = ("-created_at",)


@admin.register(VisitorSession)
class VisitorSessionAdmin(TenantAdmin):
    """Browsers' rights to conversations."""

    list_display = ("id", "conversation", "deployment", "created_at", "expires_at")
    list_select_related = ("conversation", "deployment")
    ordering = ("-created_at",)


@admin.register(SessionToken)
class SessionTokenAdmin(TenantAdmin):
    """That a session has tokens; nothing of them."""

    list_display = ("id", "session", "created_at")
    list_select_related = ("session",)
    ordering = ("-created_at",)
