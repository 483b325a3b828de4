"""A live agent in a talk that came over the Virtual Agent API: what they see, what they do, what is posted of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from channels_app.rehearsal.base import Unsayable
from channels_app.rehearsal.desk import Act, Entry, ShownCase
from channels_app.rehearsal.servicenow import controls
from channels_app.rehearsal.servicenow.controls import Element
from channels_app.rehearsal.servicenow.record_screen import Changed
from channels_app.rehearsal.servicenow.store import Store, iso
from channels_app.rehearsal.servicenow.virtual_agent import SHOWN, Talk, VirtualAgent, called

REPLY = Act("reply", "Reply")
ACCEPT, NOBODY = Act("accept", "Accept"), Act("no_agents", "No agent is available")
TYPING, STILL = Act("typing", "Start typing"), Act("stop_typing", "Stop typing")
END, LEFT, TIMED_OUT = Act("end", "End chat"), Act("leave", "Back to Virtual Agent"), Act("time_out", "It times out")
# What Virtual Agent's controls are made of, by the words of their acts.
_CONTROLS: Mapping[str, tuple[str, Callable[[str, str], Element]]] = {
    "card": ("Send a card", controls.card),
    "link": ("Send a link", controls.link),
    "links": ("Send several links", controls.links),
    "image": ("Send an image", lambda words, _: controls.image(words)),
    "html": ("Send HTML", lambda words, _: controls.html(words)),
    "picker": ("Send a choice", lambda words, _: controls.picker(words, ("Yes", "No"))),
    "upload": ("Ask for a file", lambda words, _: controls.file_upload(words)),
    "fancy": ("Send an unknown control (FancyControl)", lambda words, _: controls.fancy(words)),
}
CONTROLS = tuple(Act(word, label) for word, (label, _) in _CONTROLS.items())
_STATES = {
    "created": "Created",
    "virtual_agent": "With Virtual Agent",
    "waiting": "Waiting for an agent",
    "live": "Work in Progress",
    "ended": "Closed Complete",
}
_WORDS = "From the agent"


class ChatScreen:
    """The agent's side of talks."""

    def __init__(self, store: Store, virtual_agent: VirtualAgent) -> None:
        self.store, self.virtual_agent = store, virtual_agent

    def cases(self) -> list[ShownCase]:
        """The talks, the one that changed last first."""
        return [self._case(talk) for talk in reversed(self.store.contents["talks"])]

    def _case(self, talk: Talk) -> ShownCase:
        agent = talk["agent"] or {}
        facts = [
            ("User", talk["user_id"]),
            ("Email", talk["email"]),
            ("Client session", talk["request"].get("clientSessionId", "")),
            *((name.removeprefix(SHOWN).capitalize(), value) for name, value in talk.get("shown", {}).items()),
            ("Agent", agent.get("name", "")),
        ]
        entries = [
            Entry(one["role"], one["name"], one["text"], iso(one["at"]), one["files"]) for one in talk["entries"]
        ]
        is_live = talk["state"] == "live"
        return ShownCase(
            ref=talk["interaction_id"],
            number=talk["number"],
            title=f"Chat with {called(talk)}",
            status=_STATES[talk["state"]],
            facts=[fact for fact in facts if fact[1]],
            entries=entries,
            writes=(REPLY,) if is_live else (),
            acts=self._acts(talk["state"]),
        )

    def _acts(self, state: str) -> Sequence[Act]:
        if state == "waiting":
            return (ACCEPT, NOBODY)
        return (TYPING, STILL, *CONTROLS, LEFT, TIMED_OUT, END) if state == "live" else ()

    def do(self, ref: str, does: str, text: str, by: Mapping[str, str]) -> Changed:
        """An act of the agent `by` in a talk; `Unsayable` where it can't be done."""
        talk = self.virtual_agent.talk_by_id(ref)
        if talk is None:
            raise Unsayable({"address": ["There is no such chat here any more."]})
        case = self._case(talk)
        if does not in {act.word for act in (*case.writes, *case.acts)}:
            raise Unsayable({"does": [f"That can't be done: {case.number} is “{case.status}”."]})
        if does == "reply" and not text:
            raise Unsayable({"text": ["Write something."]})
        words, body, more = self._done(talk, does, text, by)
        if talk["is_silent"]:
            return Changed(f"{words} Nothing is posted: this chat is silent.")
        posted = self.virtual_agent.post(talk, body, **more)
        return Changed(words, json.dumps(posted, ensure_ascii=False))

    def _done(
        self, talk: Talk, does: str, text: str, by: Mapping[str, str]
    ) -> tuple[str, list[Element], dict[str, Any]]:
        """Change the talk; what was done in words, and the `body` of what is posted with what stands beside it."""
        live = {"agentChat": True}
        match does:
            case "accept":
                talk["state"], talk["agent"] = "live", dict(by)
                return self._accepted(talk, by)
            case "no_agents":
                talk["state"] = "virtual_agent"
                self.virtual_agent.note(talk, "bot", "Virtual Agent", controls.NOBODY)
                stop = controls.action("EndSpinner", spinnerType="wait_time")
                return "No agent is available.", [stop, controls.text(controls.NOBODY)], {}
            case "typing":
                return f"{by['name']} types.", [controls.action("StartTypingIndicator")], live
            case "stop_typing":
                return f"{by['name']} has stopped typing.", [controls.action("EndTypingIndicator")], live
            case "reply":
                message_id = self.virtual_agent.note(talk, "agent", by["name"], text)
                return text, [controls.text(text, self._info(by), message_id)], live
            case "leave":
                talk["state"], talk["agent"] = "virtual_agent", None
                self.virtual_agent.note(talk, "event", "", f"{by['name']} left; Virtual Agent has the conversation.")
                return f"{by['name']} left.", [controls.action("SwitchToVirtualAgent")], {}
            case "time_out":
                return self._ended(talk, "The conversation with the live agent has timed out.")
            case "end":
                return self._ended(talk, f"{by['name']} has closed the support session.")
        return self._control(talk, does, text or _WORDS, by)

    def _accepted(self, talk: Talk, by: Mapping[str, str]) -> tuple[str, list[Element], dict[str, Any]]:
        words = f"{by['name']} has entered the chat."
        self.virtual_agent.note(talk, "event", "", words)
        elements = [
            controls.action("EndSpinner", spinnerType="wait_time"),
            controls.action("SwitchToLiveAgent") | {"agentInfo": self._info(by)},
            controls.action("SubscribeToChatPresence"),
            controls.action("System", message=words),
        ]
        return words, elements, {"agentChat": True}

    def _ended(self, talk: Talk, words: str) -> tuple[str, list[Element], dict[str, Any]]:
        talk["state"], talk["agent"] = "ended", None
        self.virtual_agent.note(talk, "event", "", words)
        elements = [
            controls.action("System", message=words),
            controls.action("SwitchToVirtualAgent"),
            controls.text(controls.ENDED),
        ]
        return words, elements, {"completed": True}

    def _control(
        self, talk: Talk, does: str, words: str, by: Mapping[str, str]
    ) -> tuple[str, list[Element], dict[str, Any]]:
        label, make = _CONTROLS[does]
        message_id = self.virtual_agent.note(
            talk, "agent", by["name"], f"[{label.removeprefix('Send ').lower()}] {words}"
        )
        element = make(words, self.virtual_agent.base_url) | {"agentInfo": self._info(by), "messageId": message_id}
        return words, [element], {"agentChat": True}

    def _info(self, by: Mapping[str, str]) -> Element:
        return controls.agent_info(by, self.virtual_agent.base_url)
