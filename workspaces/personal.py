"""What this app's tables say of the people that a workspace talks with (`convoship.lib.personal`)."""

from __future__ import annotations

from collections.abc import Mapping

from convoship.lib.personal import Personal
from convoship.lib.tenancy import TenantModel
from workspaces.models import ApiKey, AuditEvent, IdempotencyKey, Secret, SecretHost

PERSONAL: Mapping[type[TenantModel], Personal] = {
    ApiKey: Personal(kept={"name prefix scopes": "The workspace's own words, and the beginning of a key."}),
    AuditEvent: Personal(
        kept={
            "actor_kind actor_label ip": "Whoever acted: a member, a program, or the server.",
            "action target_type target_id": "What was done, and the id of what it was done to.",
            "target_label data": "Ids, counts and the workspace's own words: never what somebody is called, wrote or is"
            " reached at (tests/security/test_personal.py).",
        }
    ),
    IdempotencyKey: Personal(
        otherwise={"route key answer": "Rows of calls about the person and their conversations are deleted."}
    ),
    Secret: Personal(kept={"key hint set_by_label": "The workspace's own."}),
    SecretHost: Personal(kept={"key host granted_by_label": "The workspace's own: servers that it sends secrets to."}),
}
