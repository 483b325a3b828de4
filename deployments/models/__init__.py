"""What answers, where it is embedded, and the conversations it has had."""

from deployments.models.assistant import Assistant, AssistantVersion
from deployments.models.conversation import (
    Conversation,
    Message,
    SessionToken,
    Turn,
    VisitorSession,
)
from deployments.models.deployment import (
    Deployment,
    DeploymentToken,
    IdentitySecret,
    PreviewToken,
    RefusedOrigin,
    Rollout,
    TokenUse,
)
from deployments.models.file import File, GoneFile
from deployments.models.inbox import ConversationTag, SavedView, Tag
from deployments.models.person import Identity, Person

__all__ = [
    "Assistant",
    "AssistantVersion",
    "Conversation",
    "ConversationTag",
    "Deployment",
    "DeploymentToken",
    "File",
    "GoneFile",
    "Identity",
    "IdentitySecret",
    "Message",
    "Person",
    "PreviewToken",
    "RefusedOrigin",
    "Rollout",
    "SavedView",
    "SessionToken",
    "Tag",
    "TokenUse",
    "Turn",
    "VisitorSession",
]
