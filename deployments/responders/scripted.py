"""The scripted responder: intents with phrases and answers, matched without network, the same way every time.

A turn goes down this ladder and stops at the first rung that holds:

1. a tapped button: its payload `intent:NAME`, or a payload that is an intent's name, leads straight to that intent;
2. the words, against every intent's phrases and name (`matching.py`), if the best is good enough;
3. small talk, if the script wants it and the whole text is that; it also wins over a weaker intent;
4. the fallback.

An intent with several answers gives them in turn; how often it answered is all that the conversation remembers
(`said`). `Trace.data` is `{responder, by: "button"|"words"|"small_talk"|"fallback", intent, score, phrase, enough,
runners_up: [{intent, score}]}`, with `topic` for small talk.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from threading import Lock
from typing import Any, ClassVar

from deployments.responders.base import Block, End, HandOver, Remember, Reply, Say, Trace, TurnInput
from deployments.responders.content import EMPTY, INTENT_PAYLOAD, name_key
from deployments.responders.matching import ENOUGH, LONGEST_READ, Match, Matcher
from deployments.responders.small_talk import small_talk

MOST_CACHED_PHRASES = 60_000  # over all scripts of a process: some 60 MB at worst
RUNNERS_UP, RUNNER_UP_FROM = 3, 0.15


class Script:
    """One version's content, compiled."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        whole = {**EMPTY, **content}
        self.welcome: Mapping[str, Any] = whole["welcome"]
        self.fallback: Mapping[str, Any] = whole["fallback"]
        self.small_talk: bool = whole["small_talk"]
        self.intents: list[Mapping[str, Any]] = whole["intents"]
        self.names = {name_key(intent["name"]): place for place, intent in enumerate(self.intents)}
        self.matcher = Matcher(
            (place, phrase)
            for place, intent in enumerate(self.intents)
            if intent["phrases"]
            for phrase in (*intent["phrases"], intent["name"].replace("_", " "))
        )

    def tapped(self, payload: str | None) -> int | None:
        """The intent that a button's payload names."""
        if not payload:
            return None
        return self.names.get(name_key(payload[:LONGEST_READ].removeprefix(INTENT_PAYLOAD)))


class ScriptedResponder:
    """`Responder` for `responder: "scripted"`. One instance serves a process; it caches compiled scripts by content."""

    kind: ClassVar[str] = "scripted"
    reads_history: ClassVar[bool] = False

    def __init__(self) -> None:
        self._scripts: OrderedDict[bytes, Script] = OrderedDict()
        self._lock = Lock()

    def welcome(self, content: Mapping[str, Any], locale: str | None, channel: str) -> Sequence[Say]:
        return [_said(self.script(content).welcome)]

    async def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        for reply in self.replies(turn):
            yield reply

    def replies(self, turn: TurnInput) -> list[Reply]:
        """All of an answer at once; nothing in it waits."""
        script = self.script(turn.content)
        if (place := script.tapped(turn.payload)) is not None:
            return [_trace("button", script, place, 1.0), *_intent(script.intents[place], turn.state)]
        text = turn.text
        if turn.payload and not turn.payload.startswith(INTENT_PAYLOAD):
            text = turn.payload  # the button says this for the visitor; its label is for the eye
        ranked = script.matcher.rank(text)
        best = ranked[0] if ranked and ranked[0].score >= ENOUGH else None
        talk = small_talk(text, turn.locale) if script.small_talk else None
        if talk is not None and (best is None or talk.score > best.score):
            trace = _trace("small_talk", script, None, talk.score, ranked=ranked, topic=talk.topic)
            place, remember = _next(f"small_talk:{talk.topic}", len(talk.variants), turn.state)
            return [trace, Say(talk.variants[place]), *remember]
        if best is not None:
            trace = _trace("words", script, best.intent, best.score, ranked=ranked[1:], phrase=best.phrase)
            return [trace, *_intent(script.intents[best.intent], turn.state)]
        score = ranked[0].score if ranked else 0.0
        return [_trace("fallback", script, None, score, ranked=ranked), _said(script.fallback)]

    def script(self, content: Mapping[str, Any]) -> Script:
        """The compiled script of this very content, whichever object holds it."""
        key = hashlib.blake2b(json.dumps(content, default=dict).encode(), digest_size=16).digest()
        with self._lock:
            if (held := self._scripts.get(key)) is not None:
                self._scripts.move_to_end(key)
                return held
        made = Script(content)
        with self._lock:
            self._scripts[key] = made
            while len(self._scripts) > 1 and sum(s.matcher.size for s in self._scripts.values()) > MOST_CACHED_PHRASES:
                self._scripts.popitem(last=False)
        return made


def _intent(intent: Mapping[str, Any], state: Mapping[str, Any]) -> list[Reply]:
    replies: list[Reply] = []
    if answers := intent["answers"]:
        place, remember = _next(f"intent:{intent['name']}", len(answers), state)
        replies += [_said(answers[place]), *remember]
    match intent.get("action", {}).get("type"):
        case "hand_over":
            replies.append(
                HandOver(f"The visitor asked for what the intent “{intent['name']}” hands over to a person.")
            )
        case "end":
            replies.append(End(f"The intent “{intent['name']}” ends the conversation."))
    return replies


def _said(part: Mapping[str, Any]) -> Say:
    blocks: list[Block] = list(part.get("blocks", ()))
    if part.get("buttons"):
        blocks.append({"type": "buttons", "buttons": part["buttons"]})
    return Say(part["text"], tuple(blocks))


def _next(key: str, variants: int, state: Mapping[str, Any]) -> tuple[int, list[Remember]]:
    """Which of the variants comes now, and what to remember so that it is another one the next time."""
    if variants == 1:
        return 0, []
    said = dict(state.get("said") or {})
    place = int(said.get(key, 0)) % variants
    said[key] = place + 1
    return place, [Remember({**state, "said": said})]


def _trace(
    by: str,
    script: Script,
    place: int | None,
    score: float,
    *,
    ranked: Sequence[Match] = (),
    **more: str,
) -> Trace:
    return Trace(
        {
            "responder": ScriptedResponder.kind,
            "by": by,
            "intent": None if place is None else script.intents[place]["name"],
            "score": round(score, 3),
            "phrase": None,
            "enough": ENOUGH,
            "runners_up": [
                {"intent": script.intents[match.intent]["name"], "score": round(match.score, 3)}
                for match in ranked[:RUNNERS_UP]
                if match.score >= RUNNER_UP_FROM
            ],
            **more,
        }
    )
