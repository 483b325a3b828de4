"""One turn of a scripted conversation: what is understood, what is asked, what is said, what is remembered.

The state of a conversation (`TurnInput.state`) is `{said?, misses?, slots?, form?}`:

    said    how often each intent or small talk with several answers has answered: they come in turn
    misses  how many messages in a row were not understood
    slots   {name: {value, said}}: the answers to questions
    form    {intent, at, attempts, skip?}: the question that is being asked, the failed attempts at it, and whether
            questions that were answered before are left out (an intent that was gone to)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deployments.responders import form_words, quoting, slots
from deployments.responders.base import (
    End,
    HandOver,
    IfSilent,
    Missed,
    Passage,
    Remember,
    Reply,
    Say,
    Trace,
    TurnInput,
)
from deployments.responders.checks import INTENT_PAYLOAD, name_key
from deployments.responders.matching import ENOUGH, Match
from deployments.responders.placeholders import Values
from deployments.responders.small_talk import small_talk
from deployments.responders.speaking import chosen, say

if TYPE_CHECKING:
    from deployments.responders.scripted import Script

RUNNERS_UP, RUNNER_UP_FROM = 3, 0.02
DIGRESSION = 0.75  # a score from here on leads away from a question that the same words don't answer
ATTEMPTS = 3
KIND = "scripted"

Spoken = Mapping[str, Any]


def values_of(script: Script, about: Mapping[str, Mapping[str, Any]], answers: Mapping[str, Any]) -> Values:
    """What placeholders may stand for: what is known of the conversation, the script's constants, the answers."""
    known = {f"{part}.{name}": value for part, values in about.items() for name, value in values.items()}
    return known | script.constants | {name: answer["said"] for name, answer in answers.items()}


class Dialogue:
    """The answer to one message; made for it, and thrown away."""

    def __init__(self, script: Script, turn: TurnInput) -> None:
        self.script = script
        self.turn = turn
        state = turn.state
        self.said: dict[str, int] = dict(state.get("said") or {})
        self.misses: int = int(state.get("misses") or 0)
        self.slots: dict[str, Any] = dict(state.get("slots") or {})
        self.form: dict[str, Any] = dict(state.get("form") or {})  # empty: nothing is being asked
        self.replies: list[Reply] = []
        self.ended = False
        self.trace: dict[str, Any] = {}

    def run(self) -> list[Reply]:
        """The whole answer: trace, messages, what is remembered, what is wanted."""
        question = self._question()
        if question is None:
            self._listen()
        else:
            self._hear_answer(question)
        self._finish()
        return self.replies

    # --- Without a question ---------------------------------------------------------------------------------------

    def _listen(self) -> None:
        script, turn = self.script, self.turn
        if (place := script.tapped(turn.payload)) is not None:
            self._understood("button", place, 1.0)
            self._enter(place)
            return
        text = self._words()
        ranked = script.matcher.rank(text)
        best = ranked[0] if ranked and ranked[0].score >= ENOUGH else None
        talk = small_talk(text, turn.locale) if script.small_talk else None
        if talk is not None and (best is None or talk.score > best.score):
            self._understood("small_talk", None, talk.score, ranked=ranked, topic=talk.topic)
            self._tell(talk.variants[self._in_turn(f"small_talk:{talk.topic}", len(talk.variants))])
        elif best is not None:
            self._understood("words", best.intent, best.score, ranked=ranked[1:], phrase=best.phrase)
            self._enter(best.intent)
        else:
            self._miss(ranked)

    def _words(self) -> str:
        """What was said: a button says its payload for the visitor; its label is for the eye."""
        payload = self.turn.payload
        return payload if payload and not payload.startswith(INTENT_PAYLOAD) else self.turn.text

    def _miss(self, ranked: Sequence[Match]) -> None:
        if self.turn.passages and self.turn.passages[0].score >= quoting.ENOUGH and self.script.uses_knowledge:
            self._quote(self.turn.passages[0])
            return
        self._traced("fallback", None, ranked[0].score if ranked else 0.0, ranked=ranked)
        self.misses += 1
        self.replies.append(Missed())
        again = self.script.fallback_again
        if again is None or self.misses < 2:
            self._say(self.script.fallback)
            return
        self._say(again)
        self._then(again.get("then", ""), "The assistant did not understand the visitor several times in a row.")

    def _quote(self, passage: Passage) -> None:
        """Not understood, but known: the passage says it."""
        cited = {"number": 1, "title": passage.title, "url": passage.url, "score": passage.score, "cited": True}
        self._understood("knowledge", None, passage.score, knowledge=[cited])
        self.trace["enough"] = quoting.ENOUGH
        self.replies.append(quoting.quoted(passage, self._words(), self.turn.locale))

    # --- Intents --------------------------------------------------------------------------------------------------

    def _enter(self, place: int, *, skip: bool = False) -> None:
        """Begin an intent: its questions, then its answer. One that was gone to asks for what isn't known yet."""
        intent = self.script.intents[place]
        self.form = {"intent": intent["name"], "at": 0, "attempts": 0, **({"skip": True} if skip else {})}
        self._go_on(intent)

    def _go_on(self, intent: Mapping[str, Any]) -> None:
        """Ask the next question of the form; after the last one, give the intent's answer."""
        questions, at = intent.get("ask", ()), self.form["at"]
        while at < len(questions) and self.form.get("skip") and questions[at]["slot"] in self.slots:
            at += 1
        if at < len(questions):
            self.form |= {"at": at, "attempts": 0}
            self._ask(questions[at], questions[at]["prompt"])
            return
        self.form = {}
        if answers := intent["answers"]:
            self._say(answers[self._in_turn(f"intent:{intent['name']}", len(answers))])
        action = intent.get("action", {})
        if action.get("type") == "go_to":
            self._enter(self.script.names[name_key(action["intent"])], skip=True)
        elif action.get("type") == "hand_over":
            self._then("hand_over", f"The visitor asked about “{intent['name']}”, which people answer.")
        else:
            self._then(action.get("type", ""), f"The intent “{intent['name']}” ends the conversation.")

    def _then(self, what: str, reason: str) -> None:
        if what == "hand_over":
            self.replies.append(HandOver(reason))
            self.ended = True
        elif what == "end":
            self.replies.append(End(reason))
            self.ended = True

    # --- Questions ------------------------------------------------------------------------------------------------

    def _question(self) -> Mapping[str, Any] | None:
        """The question that is being asked."""
        if not self.form:
            return None
        place = self.script.names.get(name_key(self.form["intent"]))
        questions = self.script.intents[place].get("ask", ()) if place is not None else ()
        if self.form["at"] >= len(questions):
            self.form = {}
            return None
        found: Mapping[str, Any] = questions[self.form["at"]]
        return found

    def _hear_answer(self, question: Mapping[str, Any]) -> None:
        turn = self.turn
        now = turn.at or dt.datetime.now(dt.UTC)
        said = turn.payload if turn.payload and not turn.payload.startswith(INTENT_PAYLOAD) else turn.text
        tapped = self.script.tapped(turn.payload)
        if tapped is not None and (turn.payload or "").startswith(INTENT_PAYLOAD):
            self._digress(question, "button", tapped, 1.0)
        elif slots.cancels(said, turn.locale):
            self._leave("cancel")
            self._tell(form_words.words("cancelled", turn.locale))
        else:
            try:
                value = slots.read(question, said, turn.locale, now)
            except slots.Unreadable as unreadable:
                if tapped is not None:
                    self._digress(question, "button", tapped, 1.0)
                else:
                    self._not_an_answer(question, said, str(unreadable))
            else:
                self._answered(question, said, value)

    def _answered(self, question: Mapping[str, Any], said: str, value: slots.Value) -> None:
        # To a question for free words everything is an answer, but for what plainly asks something else.
        if question["kind"] == "text" and said.rstrip().endswith(("?", "\uff1f")):
            best = self._best(said)
            if best is not None:
                self._digress(question, "words", best.intent, best.score, phrase=best.phrase)
                return
        intent = self.script.intents[self.script.names[name_key(self.form["intent"])]]
        self._understood("form", self.script.names[name_key(intent["name"])], 1.0, answered=question["slot"])
        self.slots[question["slot"]] = {"value": value.value, "said": value.said}
        self.form["at"] += 1
        self._go_on(intent)

    def _best(self, said: str) -> Match | None:
        """The intent that these words lead away to, if they do so clearly."""
        ranked = self.script.matcher.rank(said)
        return ranked[0] if ranked and ranked[0].score >= DIGRESSION else None

    def _not_an_answer(self, question: Mapping[str, Any], said: str, why: str) -> None:
        best = self._best(said)
        if best is not None:
            self._digress(question, "words", best.intent, best.score, phrase=best.phrase)
            return
        talk = small_talk(said, self.turn.locale) if self.script.small_talk else None
        if talk is not None:
            self._understood("small_talk", None, talk.score, topic=talk.topic)
            self._tell(talk.variants[self._in_turn(f"small_talk:{talk.topic}", len(talk.variants))])
            self._ask(question, question.get("reprompt", question["prompt"]))
            return
        self.form["attempts"] += 1
        place = self.script.names[name_key(self.form["intent"])]
        self._traced("form", place, 0.0, invalid=why)
        if self.form["attempts"] >= question.get("attempts", ATTEMPTS):
            self._give_up(question)
            return
        if "invalid" in question:
            self._say(question["invalid"])
        else:
            self._tell(why)
        self._ask(question, question.get("reprompt", question["prompt"]))

    def _give_up(self, question: Mapping[str, Any]) -> None:
        self.form = {}
        self.misses = 0
        if (give_up := question.get("give_up")) is None:
            self._tell(form_words.words("gave_up", self.turn.locale))
            return
        self._say(give_up)
        self._then(give_up["then"], f"The visitor could not answer the question for “{question['slot']}”.")

    def _leave(self, by: str) -> None:
        self._understood(by, None, 1.0)
        self.form = {}

    def _digress(self, question: Mapping[str, Any], by: str, place: int, score: float, **more: str) -> None:
        """Answer something else in the middle, and ask again; what asks or acts itself takes the question's place."""
        intent = self.script.intents[place]
        self._understood(by, place, score, **more)
        if intent.get("ask") or "action" in intent:
            self._enter(place)
            return
        self._say(intent["answers"][self._in_turn(f"intent:{intent['name']}", len(intent["answers"]))])
        self._ask(question, question.get("reprompt", question["prompt"]))

    def _ask(self, question: Mapping[str, Any], prompt: Spoken) -> None:
        """Say the prompt, with the choices to tap where the author gave no buttons."""
        message = self._spoken(prompt)
        choices = _choices(question, self.turn.locale)
        if choices and not chosen(prompt, self.turn.locale, self.turn.channel).get("buttons"):
            message = Say(message.text, (*message.blocks, {"type": "buttons", "buttons": choices}))
        self.replies.append(message)

    # --- Saying and remembering -----------------------------------------------------------------------------------

    def _say(self, spoken: Spoken) -> None:
        self.replies.append(self._spoken(spoken))

    def _spoken(self, spoken: Spoken) -> Say:
        values = values_of(self.script, self.turn.about, self.slots)
        return say(spoken, values, self.turn.locale, self.turn.channel)

    def _tell(self, text: str) -> None:
        self.replies.append(Say(text))

    def _in_turn(self, key: str, variants: int) -> int:
        """Which of several answers comes now: another one than the last time."""
        if variants == 1:
            return 0
        place = self.said.get(key, 0) % variants
        self.said[key] = place + 1
        return place

    def _understood(self, by: str, place: int | None, score: float, **more: Any) -> None:
        self.misses = 0
        self._traced(by, place, score, **more)

    def _traced(self, by: str, place: int | None, score: float, *, ranked: Sequence[Match] = (), **more: Any) -> None:
        intents = self.script.intents
        self.trace = {
            "responder": KIND,
            "by": by,
            "intent": None if place is None else intents[place]["name"],
            "score": round(score, 3),
            "phrase": None,
            "enough": ENOUGH,
            "runners_up": [
                {"intent": intents[match.intent]["name"], "score": round(match.score, 3)}
                for match in ranked[:RUNNERS_UP]
                if match.score >= RUNNER_UP_FROM
            ],
            **more,
        }

    def _finish(self) -> None:
        question = self._question()
        self.trace |= {
            "slots": {name: answer["value"] for name, answer in self.slots.items()},
            "asking": question["slot"] if question else None,
            "misses": self.misses,
            "language": self.turn.locale or None,
        }
        self.replies.insert(0, Trace(self.trace))
        kept = {**self.turn.state, "said": self.said, "misses": self.misses, "slots": self.slots, "form": self.form}
        state = {name: value for name, value in kept.items() if value}
        if state != dict(self.turn.state):
            self.replies.append(Remember(state))
        quiet = self.script.no_input
        if quiet is not None and not self.ended:
            self.replies.append(IfSilent(quiet["after_seconds"], self._spoken(quiet), quiet.get("then", "")))


def _choices(question: Mapping[str, Any], locale: str | None) -> list[dict[str, str]]:
    match question["kind"]:
        case "choice":
            return [{"label": it["label"], "payload": it.get("value", it["label"])} for it in question["choices"]]
        case "yes_no":
            return [
                {"label": form_words.words("yes", locale), "payload": "yes"},
                {"label": form_words.words("no", locale), "payload": "no"},
            ]
    return []
