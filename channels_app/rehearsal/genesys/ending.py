"""The end of a conversation over the API: all leave, or one of whom the others leave with.

Sources in `shapes` and `answers`.
"""

from __future__ import annotations

import json

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.genesys import answers, cases, problems, shapes
from channels_app.rehearsal.genesys.cases import Case
from channels_app.rehearsal.genesys.organisation import Organisation


def disconnect(org: Organisation, call: Call, conversation_id: str) -> Answer:
    """`PATCH …/messages/{conversationId}` with `state: disconnected`: all participants leave.

    "Update a conversation by disconnecting all of the participants" (kits), with a client's token: public clients call
    it so. It sets a state, so that the second one finds what it wants: 200 as well, no page says otherwise.
    """
    refused = _wrong(call)
    if refused is not None:
        return refused
    case = org.cases.find(conversation_id)
    if case is None:
        return problems.not_found("Not taken: there is no such conversation.")
    kind = _end(org, case)
    return _left(case, json.dumps(answers.patched_conversation(case), ensure_ascii=False), kind)


def disconnect_participant(org: Organisation, call: Call, conversation_id: str, participant_id: str) -> Answer:
    """`PATCH …/participants/{participantId}`: with the customer or the agent the conversation ends. An empty answer."""
    refused = _wrong(call)
    if refused is not None:
        return refused
    case = org.cases.find(conversation_id)
    who = next((one for one in case["participants"] if one["id"] == participant_id), None) if case else None
    if case is None or who is None:
        return problems.not_found("Not taken: there is no such conversation or participant.")
    if who["purpose"] == "acd" and who["state"] == "connected":
        note = "Refused: the queue is left by what comes after it, or with the whole conversation."
        return problems.bad_request(note, {"state": "invalid.value"})
    return _left(case, "", _end(org, case) if who["state"] == "connected" else LineKind.COPY)


def disconnect_all(org: Organisation, call: Call, conversation_id: str) -> Answer:
    """`DELETE /api/v2/conversations/{conversationId}`: as the PATCH of all, whatever the medium."""
    if call.query:
        return problems.unknown_query(call.query)
    case = org.cases.find(conversation_id)
    if case is None:
        return problems.not_found("Not taken: there is no such conversation.")
    return _left(case, "", _end(org, case))


def _wrong(call: Call) -> Answer | None:
    if call.query:
        return problems.unknown_query(call.query)
    return shapes.parsed(shapes.DISCONNECT, call.headers, call.body)[1]


def _end(org: Organisation, case: Case) -> LineKind:
    if case["disconnected_at"]:
        return LineKind.COPY
    cases.disconnected(case, "", "The conversation was disconnected over the API.")
    org.cases.touch(case)
    org.save()
    return LineKind.CAUGHT


def _left(case: Case, body: str, kind: LineKind) -> Answer:
    was = kind == LineKind.COPY
    note = "It is disconnected already. Nothing done." if was else "The conversation is disconnected."
    return Answer(200, body, kind=kind, address=case["id"], provider_id=case["id"], note=note)
