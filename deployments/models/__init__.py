"""What answers, where it is embedded, and the conversations it has had."""

from deployments.models.assistant import Assistant, AssistantVersion
from deployments.models.beat import AnswererBeat
from deployments.models.budget_notice import BudgetNotice
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
from deployments.models.handoff import Handoff
from deployments.models.health import ResponderHealth
from deployments.models.inbox import ConversationTag, SavedView, Tag
from deployments.models.knowledge import (
    KnowledgeChunk,
    KnowledgeEmbedding,
    KnowledgePage,
    KnowledgeSource,
    KnowledgeUpload,
    KnowledgeVocabulary,
)
from deployments.models.note import CannedReply, Mention, Note
from deployments.models.person import Identity, Person
from deployments.models.person_parts import AddressKey, PersonField, PersonMerge, PersonNote
from deployments.models.reply_mail import ReplyMail
from deployments.models.spending import Budget, BudgetCount, ModelPrice, Spending
from deployments.models.webhook import WebhookCallback, WebhookSecret

__all__ = [
    "AddressKey",
    "AnswererBeat",
    "Assistant",
    "AssistantVersion",
    "Budget",
    "BudgetCount",
    "BudgetNotice",
    "CannedReply",
    "Conversation",
    "ConversationTag",
    "Deployment",
    "DeploymentToken",
    "File",
    "GoneFile",
    "Handoff",
    "Identity",
    "IdentitySecret",
    "KnowledgeChunk",
    "KnowledgeEmbedding",
    "KnowledgePage",
    "KnowledgeSource",
    "KnowledgeUpload",
    "KnowledgeVocabulary",
    "Mention",
    "Message",
    "ModelPrice",
    "Note",
    "Person",
    "PersonField",
    "PersonMerge",
    "PersonNote",
    "PreviewToken",
    "RefusedOrigin",
    "ReplyMail",
    "ResponderHealth",
    "Rollout",
    "SavedView",
    "SessionToken",
    "Spending",
    "Tag",
    "TokenUse",
    "Turn",
    "VisitorSession",
    "WebhookCallback",
    "WebhookSecret",
]
