"""The scripted responder: intents with phrases, questions and answers, matched offline, the same way every time.

A turn goes down this ladder and stops at the first rung that holds:

1. a question that is being asked: its answer, a wish to leave, or something else that is plainly meant (`dialogue`);
2. a tapped button: its payload `intent:NAME`, or a payload that is an intent's name, leads straight to that intent;
3. the words, against every intent's phrases and name (`matching.py`), if the best is good enough;
4. small talk, if the script wants it and the whole text is that; it also wins over a weaker intent;
5. where the script wants it, what was found in the assistant's knowledge, if it is good enough: the turn looks for it
   when the responder has said that it `Missed`, and asks again with what was found (`searched`);
6. the fallback.

`Trace.data` is `{responder, by, intent, score, phrase, enough, runners_up: [{intent, score}], slots: {name: value},
asking: slot or null, misses, language}`, where `by` is `button`, `words`, `small_talk`, `knowledge`, `fallback`, `form`
(an answer to a question, with `answered`, or none, with `invalid`) or `cancel`; with `topic` for small talk, and for
knowledge with `knowledge: [{number, title, url, score, cited}]`.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from typing import Any, ClassVar

from deployments.responders.base import AnswersAtOnce, Missed, Passage, Reply, Say, TurnInput
from deployments.responders.checks import INTENT_PAYLOAD, name_key
from deployments.responders.content import EMPTY
from deployments.responders.dialogue import KIND, Dialogue, values_of
from deployments.responders.matching import LONGEST_READ, Matcher
from deployments.responders.speaking import say

MOST_CACHED_PHRASES = 60_000  # over all scripts of a process: some 60 MB at worst


MOST_PASSAGES = 3


def wants_knowledge(replies: Sequence[Reply], turn: TurnInput) -> bool:
    """Whether what was said should be looked for: nothing was understood, and the script says so."""
    return bool(turn.content.get("uses_knowledge")) and any(isinstance(reply, Missed) for reply in replies)


def searched(
    responder: AnswersAtOnce, replies: Sequence[Reply], turn: TurnInput, passages: Sequence[Passage]
) -> Sequence[Reply]:
    """The answer, now that passages were looked for: as it was where there are none."""
    return responder.replies(replace(turn, passages=passages)) if passages else replies


class Script:
    """One version's content, compiled."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        whole = {**EMPTY, **content}
        self.welcome: Mapping[str, Any] = whole["welcome"]
        self.fallback: Mapping[str, Any] = whole["fallback"]
        self.fallback_again: Mapping[str, Any] | None = whole.get("fallback_again")
        self.no_input: Mapping[str, Any] | None = whole.get("no_input")
        self.constants = {variable["name"]: variable["value"] for variable in whole.get("variables", ())}
        self.small_talk: bool = whole["small_talk"]
        self.uses_knowledge: bool = whole.get("uses_knowledge", False)
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

    kind: ClassVar[str] = KIND
    reads_history: ClassVar[bool] = False

    def __init__(self) -> None:
        self._scripts: OrderedDict[bytes, Script] = OrderedDict()
        self._lock = Lock()

    def welcome(
        self,
        content: Mapping[str, Any],
        locale: str | None,
        channel: str,
        about: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> Sequence[Say]:
        script = self.script(content)
        return [say(script.welcome, values_of(script, about, {}), locale, channel)]

    async def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        replies: Sequence[Reply] = self.replies(turn)
        if wants_knowledge(replies, turn):
            replies = searched(self, replies, turn, await turn.reach.passages(turn.text, MOST_PASSAGES))
        for reply in replies:
            yield reply

    def replies(self, turn: TurnInput) -> list[Reply]:
        """All of an answer at once; nothing in it waits."""
        return Dialogue(self.script(turn.content), turn).run()

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
