"""Django admin: what answers, where it is embedded, and what was said. To be looked at from inside a workspace."""

from __future__ import annotations

from django.contrib import admin

from deployments.models import (
    AddressKey,
    Assistant,
    AssistantVersion,
    Budget,
    BudgetCount,
    BudgetNotice,
    CannedReply,
    Conversation,
    ConversationTag,
    Deployment,
    DeploymentToken,
    File,
    Handoff,
    Identity,
    IdentitySecret,
    KnowledgeChunk,
    KnowledgeEmbedding,
    KnowledgePage,
    KnowledgeSource,
    KnowledgeUpload,
    KnowledgeVocabulary,
    Mention,
    Message,
    ModelPrice,
    Note,
    Person,
    PersonField,
    PersonMerge,
    PersonNote,
    PreviewToken,
    RefusedOrigin,
    ReplyMail,
    ResponderHealth,
    Rollout,
    SavedView,
    SessionToken,
    Spending,
    Tag,
    TokenUse,
    Turn,
    VisitorSession,
    WebhookCallback,
    WebhookSecret,
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


@admin.register(ResponderHealth)
class ResponderHealthAdmin(TenantAdmin):
    """Whether what answers does answer."""

    list_display = ("assistant", "code", "reason", "count", "since", "failed_at", "answered_at")
    list_select_related = ("assistant",)
    list_filter = ("code",)
    ordering = ("-failed_at",)


@admin.register(KnowledgeSource)
class KnowledgeSourceAdmin(TenantAdmin):
    """What assistants have read."""

    list_display = ("title", "assistant", "kind", "status", "reason", "due_at", "fetched_at")
    list_select_related = ("assistant",)
    list_filter = ("kind", "status")
    search_fields = ("title", "url")
    ordering = ("-created_at",)


@admin.register(KnowledgePage)
class KnowledgePageAdmin(TenantAdmin):
    """Each document of it."""

    list_display = ("title", "url", "source", "status", "reason", "size", "fetched_at")
    list_select_related = ("source",)
    list_filter = ("status",)
    search_fields = ("title", "url")
    ordering = ("-created_at",)


@admin.register(KnowledgeChunk)
class KnowledgeChunkAdmin(TenantAdmin):
    """The passages that are found."""

    list_display = ("heading", "page", "position", "language")
    list_select_related = ("page",)
    search_fields = ("heading", "text")
    ordering = ("page", "position")


@admin.register(KnowledgeUpload)
class KnowledgeUploadAdmin(TenantAdmin):
    """Files that were not read yet."""

    list_display = ("name", "source")
    list_select_related = ("source",)
    exclude = ("content",)


@admin.register(KnowledgeVocabulary)
class KnowledgeVocabularyAdmin(TenantAdmin):
    """The words of what was read."""

    list_display = ("assistant", "passages", "languages", "changed_at")
    list_select_related = ("assistant",)
    exclude = ("words", "lexemes", "counts")


@admin.register(KnowledgeEmbedding)
class KnowledgeEmbeddingAdmin(TenantAdmin):
    """Endpoints of embeddings."""

    list_display = ("assistant", "base_url", "model", "dimensions", "status", "reason", "due_at")
    list_select_related = ("assistant",)


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


@admin.register(TokenUse)
class TokenUseAdmin(TenantAdmin):
    """How often tokens were used, by origin."""

    list_display = ("token", "deployment", "origin", "loads", "sessions", "first_used_at", "last_used_at")
    list_select_related = ("token", "deployment")
    search_fields = ("origin",)
    ordering = ("-last_used_at",)


@admin.register(RefusedOrigin)
class RefusedOriginAdmin(TenantAdmin):
    """Origins that were not let in."""

    list_display = ("origin", "deployment", "rule", "count", "page", "first_seen_at", "last_seen_at")
    list_select_related = ("deployment",)
    list_filter = ("rule",)
    search_fields = ("origin", "page")
    ordering = ("-last_seen_at",)


@admin.register(IdentitySecret)
class IdentitySecretAdmin(TenantAdmin):
    """That a deployment has identity secrets; nothing of them but their last characters."""

    list_display = ("deployment", "hint", "created_at", "expires_at", "last_used_at")
    list_select_related = ("deployment",)
    ordering = ("-created_at",)


@admin.register(WebhookSecret)
class WebhookSecretAdmin(TenantAdmin):
    """That an assistant's webhook has secrets; nothing of them but their last characters."""

    list_display = ("assistant", "hint", "created_at", "expires_at")
    list_select_related = ("assistant",)
    ordering = ("-created_at",)


@admin.register(WebhookCallback)
class WebhookCallbackAdmin(TenantAdmin):
    """Answers that bots were or are waited for."""

    list_display = ("id", "turn", "created_at", "expires_at", "used_at")
    list_select_related = ("turn",)
    ordering = ("-created_at",)


@admin.register(PreviewToken)
class PreviewTokenAdmin(TenantAdmin):
    """Previews that were opened."""

    list_display = ("id", "deployment", "made_by", "created_at", "expires_at")
    list_select_related = ("deployment", "made_by")
    ordering = ("-created_at",)


@admin.register(Rollout)
class RolloutAdmin(TenantAdmin):
    """Staged rollouts."""

    list_display = ("deployment", "share", "base_version", "version", "started_by", "started_at", "ended_at", "outcome")
    list_select_related = ("deployment", "base_version", "version", "started_by")
    ordering = ("-started_at",)


@admin.register(Handoff)
class HandoffAdmin(TenantAdmin):
    """Hand-overs to people."""

    list_display = ("conversation", "state", "cause", "desk", "holder", "requested_at", "due_at", "ended_at", "outcome")
    list_filter = ("state", "cause", "outcome")
    list_select_related = ("conversation", "holder")
    ordering = ("-requested_at",)


@admin.register(Person)
class PersonAdmin(TenantAdmin):
    """Who the workspace talks with."""

    list_display = ("label", "email", "created_at")
    search_fields = ("name", "email", "visitor_id")
    ordering = ("-created_at",)


@admin.register(Identity)
class IdentityAdmin(TenantAdmin):
    """At which addresses people are known."""

    list_display = ("value", "kind", "person", "created_at")
    list_select_related = ("person",)
    list_filter = ("kind",)
    search_fields = ("value",)
    ordering = ("-created_at",)


@admin.register(PersonField)
class PersonFieldAdmin(TenantAdmin):
    """What workspaces keep of people beside their names."""

    list_display = ("key", "label", "kind", "created_at")
    search_fields = ("key", "label")
    ordering = ("-created_at",)


@admin.register(PersonNote)
class PersonNoteAdmin(TenantAdmin):
    """What members noted about people."""

    list_display = ("person", "author_name", "created_at")
    list_select_related = ("person",)
    ordering = ("-created_at",)


@admin.register(PersonMerge)
class PersonMergeAdmin(TenantAdmin):
    """Which people became one."""

    list_display = ("kept", "merged", "made_by", "created_at", "undone_at")
    list_select_related = ("kept", "merged")
    ordering = ("-created_at",)


@admin.register(AddressKey)
class AddressKeyAdmin(TenantAdmin):
    """Which workspaces remember erased addresses; never the key."""

    list_display = ("id", "created_at")
    exclude = ("sealed",)
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


@admin.register(Note)
class NoteAdmin(TenantAdmin):
    """What members wrote for each other."""

    list_display = ("conversation", "author_name", "text", "after_seq", "created_at")
    list_select_related = ("conversation",)
    search_fields = ("text", "author_name")
    ordering = ("-created_at",)


@admin.register(Mention)
class MentionAdmin(TenantAdmin):
    """Who was named in a note, and whether they were told."""

    list_display = ("user", "note", "created_at", "mailed_at", "attempts", "trouble")
    list_select_related = ("user", "note")
    ordering = ("-created_at",)


@admin.register(CannedReply)
class CannedReplyAdmin(TenantAdmin):
    """Replies that are kept for reuse."""

    list_display = ("shortcut", "title", "text", "changed_at")
    search_fields = ("shortcut", "title", "text")
    ordering = ("shortcut",)


@admin.register(ReplyMail)
class ReplyMailAdmin(TenantAdmin):
    """Mails to visitors who had left."""

    list_display = ("conversation", "shown_address", "state", "reason", "attempts", "due_at", "sent_at", "used_at")
    list_select_related = ("conversation",)
    list_filter = ("state",)
    search_fields = ("address", "reason")
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


@admin.register(File)
class FileAdmin(TenantAdmin):
    """Files: what they are called and who sent them, not what is in them."""

    list_display = ("name", "content_type", "size", "author_kind", "conversation", "created_at", "stored_at")
    list_select_related = ("conversation",)
    list_filter = ("author_kind", "content_type")
    search_fields = ("name",)
    ordering = ("-created_at",)


@admin.register(SessionToken)
class SessionTokenAdmin(TenantAdmin):
    """That a session has tokens; nothing of them."""

    list_display = ("id", "session", "created_at")
    list_select_related = ("session",)
    ordering = ("-created_at",)


@admin.register(Tag)
class TagAdmin(TenantAdmin):
    """The words that conversations are sorted by."""

    list_display = ("name", "created_at")
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(ConversationTag)
class ConversationTagAdmin(TenantAdmin):
    """Which conversation has which tag."""

    list_display = ("tag", "conversation", "created_at")
    list_select_related = ("tag", "conversation")
    list_filter = ("tag",)
    ordering = ("-created_at",)


@admin.register(SavedView)
class SavedViewAdmin(TenantAdmin):
    """The inbox's filters under a name."""

    list_display = ("name", "maker", "is_shared", "created_at")
    list_select_related = ("maker",)
    list_filter = ("is_shared",)
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(Budget)
class BudgetAdmin(TenantAdmin):
    """How much may be taken of models and bots."""

    list_display = ("measure", "per", "most", "deployment", "spent_at", "created_at")
    list_select_related = ("deployment",)
    list_filter = ("measure", "per")
    ordering = ("-created_at",)


@admin.register(BudgetCount)
class BudgetCountAdmin(TenantAdmin):
    """How much is taken of budgets."""

    list_display = ("budget", "whose", "day", "count")
    list_select_related = ("budget",)
    ordering = ("-day",)


@admin.register(BudgetNotice)
class BudgetNoticeAdmin(TenantAdmin):
    """Whether owners were told of budgets, and of what doesn't answer."""

    list_display = ("budget", "health", "level", "day", "whose", "noted_at", "mailed_at", "attempts", "trouble")
    list_select_related = ("budget", "health")
    list_filter = ("level",)
    ordering = ("-noted_at",)


@admin.register(ModelPrice)
class ModelPriceAdmin(TenantAdmin):
    """What models cost, as the workspace says."""

    list_display = ("model", "price_in", "price_out", "valid_from")
    search_fields = ("model",)
    ordering = ("model", "-valid_from")


@admin.register(Spending)
class SpendingAdmin(TenantAdmin):
    """What calls of models and bots have taken."""

    list_display = ("day", "model", "deployment", "origin", "messages", "tokens_in", "tokens_out", "cost", "held_until")
    list_select_related = ("deployment",)
    list_filter = ("day", "model")
    ordering = ("-created_at",)
