"""Routes of the admin API for what answers and what was said, under `/v1/`."""

from django.urls import path, register_converter

from deployments.api.admin import (
    appearance,
    assistants,
    canned_replies,
    conversation_files,
    conversations,
    deployments,
    exports,
    figures,
    files,
    identity,
    install,
    notes,
    origins,
    rollouts,
    testing,
    tokens,
    versions,
)
from workspaces.api.ids import IdConverter

register_converter(IdConverter, "id")

_ASSISTANT = "assistants/<id:assistant_id>"
_DEPLOYMENT = "deployments/<id:deployment_id>"
_CONVERSATION = "conversations/<id:conversation_id>"

urlpatterns = [
    path("assistants", assistants.AssistantsView.as_view(), name="api_assistants"),
    path("assistants/import", versions.ImportNewView.as_view(), name="api_import_new"),
    path(_ASSISTANT, assistants.AssistantView.as_view(), name="api_assistant"),
    path(f"{_ASSISTANT}/publish", assistants.PublishView.as_view(), name="api_publish"),
    path(f"{_ASSISTANT}/versions", versions.VersionsView.as_view(), name="api_versions"),
    path(f"{_ASSISTANT}/versions/<number:number>", versions.VersionView.as_view(), name="api_version"),
    path(f"{_ASSISTANT}/diff", versions.DiffView.as_view(), name="api_diff"),
    path(f"{_ASSISTANT}/restore", versions.RestoreView.as_view(), name="api_restore"),
    path(f"{_ASSISTANT}/export", versions.ExportView.as_view(), name="api_export"),
    path(f"{_ASSISTANT}/import", versions.ImportView.as_view(), name="api_import"),
    path(f"{_ASSISTANT}/try", testing.TryView.as_view(), name="api_try"),
    path(f"{_ASSISTANT}/tests", testing.TestsView.as_view(), name="api_tests"),
    path(f"{_ASSISTANT}/tests/run", testing.TestsRunView.as_view(), name="api_tests_run"),
    path(f"{_ASSISTANT}/deployments", deployments.AssistantDeploymentsView.as_view(), name="api_deployments"),
    path(_DEPLOYMENT, deployments.DeploymentView.as_view(), name="api_deployment"),
    path(f"{_DEPLOYMENT}/revoke", deployments.RevokeView.as_view(), name="api_revoke"),
    path(f"{_DEPLOYMENT}/rotate", deployments.RotateView.as_view(), name="api_rotate"),
    path(f"{_DEPLOYMENT}/theme/check", appearance.CheckThemeView.as_view(), name="api_theme_check"),
    path(f"{_DEPLOYMENT}/numbers", figures.NumbersView.as_view(), name="api_numbers"),
    path(f"{_DEPLOYMENT}/rollouts", rollouts.RolloutsView.as_view(), name="api_rollouts"),
    path(f"{_DEPLOYMENT}/rollouts/current", rollouts.CurrentRolloutView.as_view(), name="api_rollout"),
    path(f"{_DEPLOYMENT}/rollouts/current/keep", rollouts.KeepView.as_view(), name="api_rollout_keep"),
    path(f"{_DEPLOYMENT}/rollouts/<id:rollout_id>/back", rollouts.BackView.as_view(), name="api_rollout_back"),
    path(f"{_DEPLOYMENT}/rollouts/current/undo", rollouts.UndoView.as_view(), name="api_rollout_undo"),
    path(f"{_DEPLOYMENT}/files", files.FilesView.as_view(), name="api_files"),
    path(f"{_DEPLOYMENT}/files/delete", files.ClearFilesView.as_view(), name="api_files_delete"),
    path(f"{_DEPLOYMENT}/pause", deployments.PauseView.as_view(), name="api_pause"),
    path(f"{_DEPLOYMENT}/resume", deployments.ResumeView.as_view(), name="api_resume"),
    path(f"{_DEPLOYMENT}/tokens", tokens.TokensView.as_view(), name="api_tokens"),
    path(f"{_DEPLOYMENT}/tokens/<id:token_id>/end", tokens.TokenEndView.as_view(), name="api_token_end"),
    path("origins/check", origins.CheckView.as_view(), name="api_origins_check"),
    path(f"{_DEPLOYMENT}/would-allow", origins.WouldAllowView.as_view(), name="api_would_allow"),
    path(f"{_DEPLOYMENT}/refused-origins", origins.RefusedOriginsView.as_view(), name="api_refused_origins"),
    path(f"{_DEPLOYMENT}/refused-origins/allow", origins.AllowRefusedView.as_view(), name="api_refused_origins_allow"),
    path(
        f"{_DEPLOYMENT}/refused-origins/<id:refused_id>",
        origins.RefusedOriginView.as_view(),
        name="api_refused_origin",
    ),
    path(f"{_DEPLOYMENT}/snippets", install.SnippetsView.as_view(), name="api_snippets"),
    path(f"{_DEPLOYMENT}/test-link", install.TestLinkView.as_view(), name="api_test_link"),
    path(f"{_DEPLOYMENT}/check-page", install.CheckPageView.as_view(), name="api_check_page"),
    path(f"{_DEPLOYMENT}/identity", identity.IdentityView.as_view(), name="api_identity"),
    path(f"{_DEPLOYMENT}/identity/secrets", identity.SecretsView.as_view(), name="api_identity_secrets"),
    path(
        f"{_DEPLOYMENT}/identity/secrets/<id:secret_id>/end",
        identity.SecretEndView.as_view(),
        name="api_identity_secret_end",
    ),
    path(f"{_DEPLOYMENT}/identity/check", identity.CheckTokenView.as_view(), name="api_identity_check"),
    path("canned-replies", canned_replies.CannedRepliesView.as_view(), name="api_canned_replies"),
    path("canned-replies/<id:reply_id>", canned_replies.CannedReplyView.as_view(), name="api_canned_reply"),
    path("conversations", conversations.ConversationsView.as_view(), name="api_conversations"),
    path(_CONVERSATION, conversations.ConversationView.as_view(), name="api_conversation"),
    path(f"{_CONVERSATION}/messages", conversations.ConversationMessagesView.as_view(), name="api_messages"),
    path(
        f"{_CONVERSATION}/files",
        conversation_files.ConversationFilesView.as_view(),
        name="api_conversation_files",
    ),
    path(f"{_CONVERSATION}/notes", notes.NotesView.as_view(), name="api_notes"),
    path(f"{_CONVERSATION}/export", exports.ConversationExportView.as_view(), name="api_conversation_export"),
    path(f"{_CONVERSATION}/handoff", conversations.ConversationHandoffView.as_view(), name="api_handoff"),
    path(f"{_CONVERSATION}/return", conversations.ConversationReturnView.as_view(), name="api_return"),
    path(f"{_CONVERSATION}/resolve", conversations.ConversationResolveView.as_view(), name="api_resolve"),
]
