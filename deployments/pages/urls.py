"""Routes of assistants, deployments and conversations."""

from django.urls import path

from deployments.pages import (
    assistants,
    conversations,
    deploy,
    editing,
    identity,
    install,
    interchange,
    numbers,
    rollout,
    trying,
    versions,
)
from workspaces.api import ids  # noqa: F401 (registers the converter of numbers)

urlpatterns = [
    path("app/assistants/", assistants.assistants, name="assistants"),
    path("app/assistants/new", assistants.assistant_new, name="assistant_new"),
    path("app/assistants/<uuid:assistant_id>/", editing.assistant, name="assistant"),
    path("app/assistants/<uuid:assistant_id>/save", editing.assistant_save, name="assistant_save"),
    path("app/assistants/<uuid:assistant_id>/autosave", editing.assistant_autosave, name="assistant_autosave"),
    path("app/assistants/import", interchange.import_new, name="assistant_import_new"),
    path("app/assistants/<uuid:assistant_id>/delete", assistants.assistant_delete, name="assistant_delete"),
    path("app/assistants/<uuid:assistant_id>/versions/", versions.versions_list, name="assistant_versions"),
    path("app/assistants/<uuid:assistant_id>/versions/compare", versions.compare, name="assistant_compare"),
    path("app/assistants/<uuid:assistant_id>/versions/<number:number>/", versions.version, name="assistant_version"),
    path(
        "app/assistants/<uuid:assistant_id>/versions/<number:number>/restore",
        versions.restore,
        name="assistant_restore",
    ),
    path("app/assistants/<uuid:assistant_id>/export", interchange.export, name="assistant_export"),
    path("app/assistants/<uuid:assistant_id>/import", interchange.import_draft, name="assistant_import"),
    path("app/assistants/<uuid:assistant_id>/try", trying.assistant_try, name="assistant_try"),
    path("app/assistants/<uuid:assistant_id>/try/case", trying.assistant_try_case, name="assistant_try_case"),
    path("app/assistants/<uuid:assistant_id>/deploy", deploy.deploy, name="deploy"),
    path("app/assistants/<uuid:assistant_id>/deploy/new", deploy.deployment_create, name="deployment_create"),
    path("app/deployments/<uuid:deployment_id>/", deploy.deployment, name="deployment"),
    path("app/deployments/<uuid:deployment_id>/change", deploy.deployment_change, name="deployment_change"),
    path("app/deployments/<uuid:deployment_id>/rotate", deploy.deployment_rotate, name="deployment_rotate"),
    path("app/deployments/<uuid:deployment_id>/revoke", deploy.deployment_revoke, name="deployment_revoke"),
    path("app/deployments/<uuid:deployment_id>/identity", identity.identity_page, name="deployment_identity"),
    path(
        "app/deployments/<uuid:deployment_id>/identity/require",
        identity.identity_require,
        name="deployment_identity_require",
    ),
    path(
        "app/deployments/<uuid:deployment_id>/identity/secrets",
        identity.identity_secret_make,
        name="deployment_identity_secret_make",
    ),
    path(
        "app/deployments/<uuid:deployment_id>/identity/secrets/<uuid:secret_id>/end",
        identity.identity_secret_end,
        name="deployment_identity_secret_end",
    ),
    path(
        "app/deployments/<uuid:deployment_id>/identity/check", identity.identity_check, name="deployment_identity_check"
    ),
    path("app/deployments/<uuid:deployment_id>/numbers", numbers.numbers, name="deployment_numbers"),
    path("app/deployments/<uuid:deployment_id>/numbers.csv", numbers.numbers_csv, name="deployment_numbers_csv"),
    path("app/deployments/<uuid:deployment_id>/rollout", rollout.rollout, name="deployment_rollout"),
    path("app/deployments/<uuid:deployment_id>/rollout/start", rollout.rollout_start, name="deployment_rollout_start"),
    path("app/deployments/<uuid:deployment_id>/rollout/share", rollout.rollout_share, name="deployment_rollout_share"),
    path("app/deployments/<uuid:deployment_id>/rollout/keep", rollout.rollout_keep, name="deployment_rollout_keep"),
    path("app/deployments/<uuid:deployment_id>/rollout/undo", rollout.rollout_undo, name="deployment_rollout_undo"),
    path(
        "app/deployments/<uuid:deployment_id>/rollout/preview",
        rollout.rollout_preview,
        name="deployment_rollout_preview",
    ),
    path("app/deployments/<uuid:deployment_id>/install", install.install, name="deployment_install"),
    path("app/deployments/<uuid:deployment_id>/install/fill", install.install_fill, name="deployment_install_fill"),
    path("app/deployments/<uuid:deployment_id>/install/link", install.install_link, name="deployment_install_link"),
    path("app/deployments/<uuid:deployment_id>/install/check", install.install_check, name="deployment_install_check"),
    path("app/deployments/<uuid:deployment_id>/install/allow", install.install_allow, name="deployment_install_allow"),
    path("app/conversations/", conversations.conversations, name="conversations"),
    path("app/conversations/rows", conversations.conversations_rows, name="conversations_rows"),
    path("app/conversations/<uuid:conversation_id>/", conversations.conversation, name="conversation"),
    path("app/conversations/<uuid:conversation_id>/live", conversations.conversation_live, name="conversation_live"),
    path("app/conversations/<uuid:conversation_id>/reply", conversations.conversation_reply, name="conversation_reply"),
    path("app/conversations/<uuid:conversation_id>/take", conversations.conversation_take, name="conversation_take"),
    path(
        "app/conversations/<uuid:conversation_id>/return",
        conversations.conversation_return,
        name="conversation_return",
    ),
    path(
        "app/conversations/<uuid:conversation_id>/resolve",
        conversations.conversation_resolve,
        name="conversation_resolve",
    ),
]
