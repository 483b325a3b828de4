"""What is asked of the organisation, and how its integrations are set up. Sources in `shapes` and `answers`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.genesys import answers, problems, shapes
from channels_app.rehearsal.genesys.organisation import SECRET, Organisation

_LARGEST_PAGE = 100


def found(body: object, note: str, address: str = "") -> Answer:
    """A plain answer to a question."""
    return Answer(200, json.dumps(body, ensure_ascii=False), address=address, note=note)


def hidden(body: Mapping[str, Any], secret: str, note: str) -> Answer:
    """An answer with a secret in it: what goes over the wire has it, what the screen keeps has not."""
    whole = json.dumps(body, ensure_ascii=False)
    shown = whole.replace(json.dumps(secret, ensure_ascii=False), '"(not shown)"') if secret else whole
    return Answer(200, shown, content=whole.encode(), note=note)


def conversation(org: Organisation, call: Call, conversation_id: str) -> Answer:
    """`GET /api/v2/conversations/messages/{conversationId}`."""
    if call.query:
        return problems.unknown_query(call.query)
    case = org.cases.find(conversation_id)
    if case is None:
        return problems.not_found("Looked for a conversation that isn't there.", LineKind.ASKED)
    return found(answers.conversation(case), "Looked at the conversation.", case["id"])


def message(org: Organisation, call: Call, conversation_id: str, message_id: str) -> Answer:
    """`GET …/{conversationId}/messages/{messageId}`; with no conversation, `GET …/messages/{messageId}/details`.

    `useNormalizedMessage` came with version 6216 of the platform's description and left with 10727, when what it asked
    for became the only form: with `true` both answer alike.
    """
    if {name: value for name, value in call.query.items() if (name, value) != ("useNormalizedMessage", "true")}:
        return problems.unknown_query(call.query)
    known = org.cases.find_message(message_id)
    if known is None or (conversation_id and known[0]["id"] != conversation_id):
        return problems.not_found("Looked for a message that isn't there.", LineKind.ASKED)
    return found(answers.message_data(*known), "Looked at a message.", known[0]["id"])


def messages(org: Organisation, call: Call, conversation_id: str) -> Answer:
    """`POST …/{conversationId}/messages/bulk`, a read: the messages with these ids, in the order of the ids.

    No page says what an id gets that isn't of the conversation; here the whole is refused.
    """
    if {name: value for name, value in call.query.items() if (name, value) != ("useNormalizedMessage", "true")}:
        return problems.unknown_query(call.query)
    ids, refused = shapes.parsed(shapes.IDS, call.headers, call.body)
    if refused is not None:
        return refused
    case = org.cases.find(conversation_id)
    by_id = {one["id"]: one for one in case["messages"]} if case else {}
    if case is None or any(one not in by_id for one in ids):
        return problems.not_found("Looked for messages that aren't there.", LineKind.ASKED)
    entities = [answers.message_data(case, by_id[one]) for one in ids]
    return found({"entities": entities}, f"Looked at {len(entities)} messages.", case["id"])


def token(org: Organisation, call: Call) -> Answer:
    """`GET /api/v2/tokens/me`: what a client may ask with no permission at all."""
    if call.query:
        return problems.unknown_query(call.query)
    return found(answers.token_info(org.account.credentials.get("client_id", "")), "Looked at the token.")


# --- Integrations ---------------------------------------------------------------------------------------------------


def _integration(one: Mapping[str, Any], note: str) -> Answer:
    return hidden(answers.integration(one), str(one[SECRET]), note)


def integration(org: Organisation, call: Call, integration_id: str) -> Answer:
    """`GET /api/v2/conversations/messaging/integrations/open/{integrationId}` (messaging:integration:view)."""
    if call.query:
        return problems.unknown_query(call.query)
    one = org.integration(integration_id)
    if one is None:
        return problems.not_found("Looked for an integration that isn't there.", LineKind.ASKED)
    return _integration(one, "Looked at the integration.")


def integrations(org: Organisation, call: Call) -> Answer:
    """`GET /api/v2/conversations/messaging/integrations/open`, a page of 25 where nothing else is said."""
    strange = set(call.query) - {"pageSize", "pageNumber"}
    if strange:
        return problems.unknown_query(strange)
    size, number = call.query.get("pageSize", "25"), call.query.get("pageNumber", "1")
    if not (size.isdecimal() and number.isdecimal() and 1 <= int(size) <= _LARGEST_PAGE and int(number) >= 1):
        return problems.unknown_query({"pageSize", "pageNumber"} & set(call.query))
    all_of_them = org.integrations()
    whole = json.dumps(answers.listing(all_of_them, int(size), int(number)), ensure_ascii=False)
    shown = whole
    for one in all_of_them:
        secret = str(one[SECRET])
        shown = shown.replace(json.dumps(secret, ensure_ascii=False), '"(not shown)"') if secret else shown
    return Answer(200, shown, content=whole.encode(), note="Listed the integrations.")


def set_up(org: Organisation, call: Call, integration_id: str) -> Answer:
    """`POST …/open` where there is no id, else `PATCH …/open/{integrationId}`."""
    if call.query:
        return problems.unknown_query(call.query)
    shape = shapes.CHANGED_INTEGRATION if integration_id else shapes.NEW_INTEGRATION
    body, refused = shapes.parsed(shape, call.headers, call.body)
    if refused is not None:
        return refused
    if integration_id and org.integration(integration_id) is None:
        return problems.not_found("Not changed: there is no such integration.")
    url = body.get("outboundNotificationWebhookUrl", org.account.inbound_url)
    if url != org.account.inbound_url and not _can_be_called(url):
        note = "Refused: outboundNotificationWebhookUrl: It has to be https, at port 443."
        return problems.bad_request(note, {"outboundNotificationWebhookUrl": "invalid.value"})
    is_new = not integration_id
    one = org.put(integration_id or org.new_integration_id(), body)
    org.save()
    # It is made behind the answer, which a later look finds done.
    made = {**one, "createStatus": "Initiated"} if is_new else one
    return _integration(made, "Made an integration." if is_new else "Changed the integration.")


def _can_be_called(url: str) -> bool:
    """https://help.mypurecloud.com/articles/configure-an-open-messaging-integration/: "Only ... port 443 will work"."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port in {None, 443}
    except ValueError:
        return False
