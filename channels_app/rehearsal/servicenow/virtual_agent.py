"""The Virtual Agent Bot Integration API: what is taken, and what Virtual Agent posts to us of it.

A talk: {key, user_id, email, interaction_id, number, state, agent, is_silent, is_muted, request, entries, made_at,
changed_at, name?, shown?}. `name`: as the history calls the user; `shown`: the context that agents see. `state`:
created, virtual_agent, waiting, live, ended. `request` is the newest one, of which the fields that come back are kept.
`is_silent`: nothing is ever posted of it (the fault); `is_muted`: silentMessage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call, Report
from channels_app.rehearsal.servicenow import answers, bot_shapes, controls
from channels_app.rehearsal.servicenow.answers import not_silently
from channels_app.rehearsal.servicenow.controls import Element
from channels_app.rehearsal.servicenow.store import MOST_CASES, MOST_ENTRIES, Store, moment, sys_id
from channels_app.rehearsal.servicenow.table_api import body_of

PATH = "/api/sn_va_as_service/bot/integration"
SUCCESS = '{"status": "success"}'
# Texts may be of any length; so much of one is shown.
_SHOWN = 8000
Talk = dict[str, Any]
# Context variables that begin so are shown to live agents (bot-api, `contextVariables`).
SHOWN = "liveagent_"
_KEPT = ("requestId", "clientSessionId", "nowSessionId", "message", "userId", "clientVariables")
_LIVE_WORDS = {"live agent support.", "live agent support"}
# Commands of sys_cs_contextual_action (contextual-actions).
_AGENT_WORDS, _HELLO_WORDS = {"agent"}, {"hi", "hola", "hello"}


class VirtualAgent:
    """The endpoint and what it does to talks."""

    def __init__(self, store: Store, base_url: str, inbound_url: str) -> None:
        self.store, self.base_url, self.inbound_url = store, base_url, inbound_url

    # --- Talks ------------------------------------------------------------------------------------------------------

    def talk(self, key: str) -> Talk | None:
        """The newest talk of a client session (of a user, where none was named)."""
        return next((one for one in reversed(self.store.contents["talks"]) if one["key"] == key), None)

    def talk_by_id(self, interaction_id: str) -> Talk | None:
        """A talk by its interaction's sys_id."""
        talks = self.store.contents["talks"]
        return next((one for one in talks if one["interaction_id"] == interaction_id), None)

    def _begun(self, body: Mapping[str, Any], state: str) -> Talk:
        last = int(self.store.contents["numbers"].get("interaction", 10000)) + 1
        self.store.contents["numbers"]["interaction"] = last
        made: Talk = {
            "key": key_of(body),
            "user_id": body["userId"],
            "email": body.get("emailId", ""),
            "interaction_id": sys_id(),
            "number": f"IMS{last:07d}",
            "state": state,
            "agent": None,
            "is_silent": False,
            "is_muted": False,
            "request": {},
            "entries": [],
            "made_at": moment(),
            "changed_at": moment(),
        }
        self.store.contents["talks"] = [*self.store.contents["talks"], made][-MOST_CASES:]
        return made

    def note(self, talk: Talk, role: str, name: str, words: str, files: Sequence[Mapping[str, str]] = ()) -> str:
        """Write into a talk; the id of what was written."""
        message_id = sys_id()
        entry = {
            "id": message_id,
            "role": role,
            "name": name,
            "text": words[:_SHOWN],
            "at": moment(),
            "files": list(files),
        }
        talk["entries"] = [*talk["entries"], entry][-MOST_ENTRIES:]
        talk["changed_at"] = moment()
        others = [one for one in self.store.contents["talks"] if one is not talk]
        self.store.contents["talks"] = [*others, talk]
        return message_id

    # --- The endpoint -----------------------------------------------------------------------------------------------

    def take(self, call: Call, *, is_silent: bool = False) -> Answer:
        """Take a request: success at once, and what Virtual Agent says of it afterwards.

        A request that is not right is answered with success by an instance, and nothing follows; here it is refused.
        """
        if call.query:
            raise not_silently(next(iter(call.query))[:60], "There are no parameters here.")
        body = body_of(call)
        errors = bot_shapes.wrong(body)
        if errors:
            raise answers.wrong_values(errors)
        action = body.get("action") or ""
        talk = self.talk(key_of(body))
        if action == "UPDATE_MESSAGES":
            return self._update(talk, body)
        if action in bot_shapes.SIGNS:
            return self._sign_of(talk, body, action)
        if talk is None or (talk["state"] == "ended" and action != "END_CONVERSATION"):
            if action in {"END_CONVERSATION", "FAULT_CONVERSATION"}:
                return self._answer(body, None, (), "There was no conversation to end.")
            talk = self._begun(body, "created")
        self._remember(talk, body)
        talk["is_silent"] = talk["is_silent"] or is_silent
        if "history" in body:
            self._history(talk, body["history"])
        said = self._react(talk, body, action)
        if talk["is_silent"] or talk["is_muted"]:
            said = ()
        return self._answer(body, talk, said, self._words(talk, action))

    def _remember(self, talk: Talk, body: Mapping[str, Any]) -> None:
        talk["request"] = {name: body[name] for name in _KEPT if name in body}
        talk["email"] = body.get("emailId") or talk["email"]
        context = body.get("contextVariables", {})
        talk["shown"] = {
            **talk.get("shown", {}),
            **{name: str(context[name]) for name in context if name.startswith(SHOWN)},
        }
        if "silentMessage" in body:
            talk["is_muted"] = body["silentMessage"]

    def _history(self, talk: Talk, history: Any) -> None:
        for one in history if isinstance(history, list) else [history]:
            role = "bot" if one["isBotMessage"] else "customer"
            if role == "customer" and one.get("displayName"):
                talk["name"] = one["displayName"]
            self.note(talk, role, one.get("displayName", "Bot" if role == "bot" else "User"), one["value"])

    def _react(self, talk: Talk, body: Mapping[str, Any], action: str) -> Sequence[dict[str, Any]]:
        """What is posted to us of a request; it changes the talk."""
        message = body.get("message") or {}
        words, files = message.get("text", ""), files_of(message)
        is_live_only = str(body.get("contextVariables", {}).get("live_agent_only", "")).lower() == "true"
        if words or files:
            # A talk that begins with an action has its words still to be seen by the agent.
            self.note(talk, "customer", called(talk), words, files)
        match action:
            case "END_CONVERSATION" | "FAULT_CONVERSATION":
                return self._end(talk, action)
            case "AGENT":
                return self._transfer(talk)
            case "START_CONVERSATION" | "START_CREATED_CONVERSATION":
                return self._transfer(talk) if is_live_only else self._greet(talk)
            case "CREATE_CONVERSATION":
                talk["state"] = "created"
                ids = {"conversationId": sys_id(), "interactionId": talk["interaction_id"], "messageId": sys_id()}
                return [self.post(talk, [controls.action("CreateConversation", **ids)])]
            case "SEND_HISTORY":
                return ()
            case "SWITCH":
                talk["state"] = "virtual_agent"
                return [self.post(talk, [self._bot(talk, controls.input_text("limo input:"))])]
        if talk["state"] in {"waiting", "live"}:
            return ()
        return self._transfer(talk) if is_live_only else self._understand(talk, words.strip().lower())

    def _understand(self, talk: Talk, words: str) -> Sequence[dict[str, Any]]:
        """What Virtual Agent makes of an utterance: it knows the commands of the documented examples."""
        talk["state"] = "virtual_agent"
        if words in _LIVE_WORDS:
            return self._transfer(talk)
        if words in _HELLO_WORDS:
            return self._greet(talk)
        if words in _AGENT_WORDS:
            options = (controls.LIVE_TOPIC, "Virtual Agent Capabilities.", "I want something else")
            return [self.post(talk, [self._bot(talk, controls.picker(controls.ASK, options))])]
        elements = [controls.text(controls.NOT_UNDERSTOOD), controls.text(controls.AGAIN)]
        return [self.post(talk, [*(self._bot(talk, one) for one in elements), controls.topics()], score=0)]

    def _greet(self, talk: Talk) -> Sequence[dict[str, Any]]:
        talk["state"] = "virtual_agent"
        return [self.post(talk, [self._bot(talk, controls.text(controls.GREETING)), controls.topics()])]

    def _transfer(self, talk: Talk) -> Sequence[dict[str, Any]]:
        """«Please stand by», then how long they wait. Once an agent is there, or they wait, nothing more is said."""
        if talk["state"] in {"waiting", "live"}:
            return ()
        talk["state"] = "waiting"
        stand_by = self._bot(talk, controls.text(controls.TRANSFER))
        queue = [controls.action("SubscribeToSupportQueue"), controls.spinner()]
        return [self.post(talk, [stand_by], agentChat=True), self.post(talk, queue, agentChat=True)]

    def _end(self, talk: Talk, action: str) -> Sequence[dict[str, Any]]:
        was = talk["state"]
        if was == "ended":
            return ()
        talk["state"] = "ended"
        self.note(talk, "event", "", "The customer's side ended the conversation.")
        if action == "FAULT_CONVERSATION":
            return [self.post(talk, [], score=0, takeControl=True)]
        # `completed` stands in the example of a live agent's conversation alone.
        more = {"completed": True} if was in {"waiting", "live"} else {}
        return [self.post(talk, [controls.text(controls.ENDED)], **more)]

    def _bot(self, talk: Talk, element: Element) -> Element:
        """Virtual Agent says this."""
        self.note(talk, "bot", "Virtual Agent", str(element.get("value") or element.get("label", "")))
        return element

    def _sign_of(self, talk: Talk | None, body: Mapping[str, Any], action: str) -> Answer:
        note = {"TYPING": "They are typing.", "VIEWING": "They have stopped typing."}.get(
            action, "A time zone was set."
        )
        if action != "SET_USER_TIMEZONE" and (talk is None or talk["state"] != "live"):
            note = f"{note} No live agent is there to see it."
        return Answer(200, SUCCESS, address=talk["interaction_id"] if talk else "", note=note)

    def _update(self, talk: Talk | None, body: Mapping[str, Any]) -> Answer:
        """UPDATE_MESSAGES: synchronous, of messages of the live agent. The page shows its answer as bare words."""
        updates = body["message"] if isinstance(body["message"], list) else [body["message"]]
        known = {one["id"]: one for one in talk["entries"]} if talk else {}
        for one in updates:
            if one["id"] not in known or known[one["id"]]["role"] != "agent":
                raise not_silently("message.id", f"There is no message {one['id'][:40]} of a live agent here.")
        for one in updates:
            if "text" in one:
                known[one["id"]]["text"] = f"{one['text']} (Updated)"
            if one["status"].lower() == "external_error":
                known[one["id"]]["text"] += " (Failed)"
        found = self._answer(body, talk, (), f"{len(updates)} messages were updated.")
        return replace(found, body="Message Processed Successfully", content_type="text/plain")

    def _words(self, talk: Talk, action: str) -> str:
        states = {
            "created": "it is created",
            "virtual_agent": "it is with Virtual Agent",
            "waiting": "it waits for a live agent",
            "live": "it is with a live agent",
            "ended": "it is over",
        }
        silent = " Nothing will ever be posted of it." if talk["is_silent"] else ""
        return f"{action or 'A message'} in {talk['number']}: {states[talk['state']]}.{silent}"

    def _answer(
        self, body: Mapping[str, Any], talk: Talk | None, said: Sequence[Mapping[str, Any]], note: str
    ) -> Answer:
        message = body.get("message")
        message = message if isinstance(message, dict) else {}
        return Answer(
            200,
            SUCCESS,
            kind=LineKind.CAUGHT,
            address=talk["interaction_id"] if talk else "",
            text=message.get("text", ""),
            provider_id=body["requestId"],
            delivery_id=delivery_of(body),
            media=[{"url": one["url"][:1000]} for one in files_of(message)],
            note=note,
            reports=[Report("posted", json.dumps(one, ensure_ascii=False)) for one in said],
            reports_to=self.inbound_url if said else "",
        )

    def post(self, talk: Talk, body: Sequence[Element], *, score: float = 1, **more: Any) -> dict[str, Any]:
        """What is posted to us (bot-api, VA response body parameters); `agentChat` and `completed` only where true."""
        return {
            **talk["request"],
            "interactionId": talk["interaction_id"],
            "body": list(body),
            **more,
            "score": score,
        }


def key_of(body: Mapping[str, Any]) -> str:
    """What a talk is known by: the client's session, or the user where there is none."""
    return str(body.get("clientSessionId") or body["userId"])


def called(talk: Talk) -> str:
    """What agents call the user: as the history does that came along, else by their id."""
    return str(talk.get("name") or talk["user_id"])


def files_of(message: Mapping[str, Any]) -> list[dict[str, str]]:
    """The attachments of a message."""
    files = message.get("attachment") or []
    items = files if isinstance(files, list) else [files]
    return [{"name": one["fileName"], "url": one["url"]} for one in items]


def delivery_of(body: Mapping[str, Any]) -> str:
    """Our own id of what was sent, where the request carries it: its message's, or its own."""
    message = body.get("message")
    message_id = message.get("clientMessageId", "") if isinstance(message, dict) else ""
    for one in (message_id, body.get("requestId", "")):
        try:
            return str(UUID(str(one)))
        except ValueError:
            continue
    return str(message_id or body.get("requestId", ""))
