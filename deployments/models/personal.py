"""What this app's tables say of the people that a workspace talks with (`convoship.lib.personal`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convoship.lib.personal import Personal
from convoship.lib.tenancy import TenantModel
from deployments.models.assistant import Assistant, AssistantVersion
from deployments.models.budget_notice import BudgetNotice
from deployments.models.conversation import Conversation, Message, Turn, VisitorSession
from deployments.models.deployment import (
    Deployment,
    DeploymentToken,
    IdentitySecret,
    PreviewToken,
    RefusedOrigin,
    Rollout,
    TokenUse,
)
from deployments.models.file import File
from deployments.models.handoff import Handoff
from deployments.models.health import ResponderHealth
from deployments.models.inbox import SavedView, Tag
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
from deployments.models.person_parts import PersonField, PersonMerge, PersonNote
from deployments.models.reply_mail import ReplyMail
from deployments.models.spending import Budget, BudgetCount, ModelPrice, Spending
from deployments.models.webhook import WebhookCallback, WebhookSecret

ERASED = "Erased with its person."
NAME = "Erased person"
_OWN = "The workspace's own words and settings."
_READ = "What the workspace gave its assistants to read: no visitor adds to it."

PERSONAL: Mapping[type[TenantModel], Personal] = {
    Person: Personal(
        blank={
            "name": NAME,
            "email": "",
            "visitor_id": "",
            "external_id": None,
            "known_by": {},
            "fields": {},
            "blocked_reason": "",
            "erasing": {},
        }
    ),
    Identity: Personal(rows="With their person, at once."),
    PersonNote: Personal(rows="With their person."),
    PersonMerge: Personal(rows="With either of the two."),
    Conversation: Personal(
        blank={
            "flow_state": {},
            "visitor_data": {},
            "proved_as": "",
            "if_silent": None,
            "page_url": "",
            "page_title": "",
            "referrer": "",
            "page_now": {},
            "handoff_reason": "",
            "ended_reason": ERASED,
            "last_text": "",
        },
        kept={"variant locale": "A share of a rollout and a language.", "origin": "The workspace's own site."},
    ),
    Message: Personal(
        blank={
            "text": "",
            "payload": "",
            "blocks": [],
            "attachments": [],
            "template": None,
            "client_id": None,
            "body_digest": None,
            "reason": ERASED,
            "remedy": "",
        },
        otherwise={
            "author_name": "Emptied where the visitor wrote it; else a member's, or the assistant's.",
            "words": "A trigger makes it of `text`.",
        },
    ),
    Turn: Personal(blank={"reason": "", "trace": {}}),
    VisitorSession: Personal(rows="With their conversation's content."),
    File: Personal(rows="With their conversation's content; a trigger keeps their keys for the sweeper."),
    Handoff: Personal(
        blank={
            "reason": "",
            "answers": {},
            "form_left": [],
            "summary": "",
            "tried": [],
            "case_ref": "",
            "mail_trouble": "",
        },
        kept={
            "desk desks_left": "Desks of the workspace.",
            "holder_name": "A member's name, or that of a desk's person.",
        },
    ),
    Note: Personal(rows="With their conversation's content."),
    Mention: Personal(rows="With their note."),
    PreviewToken: Personal(rows="With their conversation's content."),
    ReplyMail: Personal(
        otherwise={
            "address reason remedy": "Rows go with their conversation's content. Where an address takes no mails a"
            " digest stands in its place.",
        }
    ),
    CannedReply: Personal(kept={"shortcut title text": _OWN}),
    Tag: Personal(kept={"name": _OWN}),
    SavedView: Personal(kept={"name filters": "A member's own words, what they search for among them."}),
    PersonField: Personal(kept={"key label choices": _OWN}),
    Assistant: Personal(kept={"name draft draft_typed test_cases": _OWN}),
    AssistantVersion: Personal(kept={"content note test_report": _OWN}),
    Deployment: Personal(
        kept={
            "name allowed_origins theme label limits languages hours_text files": _OWN,
            "last_used_origin": "The workspace's own site.",
        }
    ),
    DeploymentToken: Personal(kept={"prefix": "The beginning of a key."}),
    TokenUse: Personal(kept={"origin": "A site."}),
    RefusedOrigin: Personal(kept={"origin rule page": "A site on which the widget stood that was refused, of nobody."}),
    IdentitySecret: Personal(kept={"hint": "The end of a secret."}),
    WebhookSecret: Personal(kept={"hint": "The end of a secret."}),
    WebhookCallback: Personal(rows="With their conversation's turns; those of tries, and all others, after an hour."),
    Rollout: Personal(kept={"theme replaced_theme": _OWN}),
    ResponderHealth: Personal(kept={"code reason remedy": "What a provider or a bot said of a call, of nobody."}),
    KnowledgeSource: Personal(kept={"title url language reason remedy": _READ}),
    KnowledgePage: Personal(kept={"url title text digest language reason remedy etag last_modified": _READ}),
    KnowledgeChunk: Personal(
        kept={"heading text language folded_title folded_head folded embedding": _READ, "words": "Made of `folded`."}
    ),
    KnowledgeUpload: Personal(kept={"name": _READ}),
    KnowledgeVocabulary: Personal(kept={"words lexemes counts languages": _READ}),
    KnowledgeEmbedding: Personal(kept={"base_url model secret reason remedy": _OWN}),
    Budget: Personal(otherwise={"spent_by": "Emptied where it is a visitor's id; else an origin."}),
    BudgetCount: Personal(otherwise={"whose": "Rows of a visitor's id are deleted; else it is an origin."}),
    BudgetNotice: Personal(
        otherwise={"whose": "Emptied where it is a visitor's id; else an origin."},
        kept={"trouble": "What a mail server said."},
    ),
    ModelPrice: Personal(kept={"model": _OWN}),
    Spending: Personal(
        otherwise={"visitor": "Emptied: what was spent stays spent, by nobody."},
        kept={"origin": "The workspace's own site.", "model": _OWN, "counted": "Ids of counts, and amounts."},
    ),
}


def blank(model: type[TenantModel]) -> dict[str, Any]:
    """What erasing writes into a row's columns."""
    return dict(PERSONAL[model].blank)
