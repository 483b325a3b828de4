"""What the panel of *Try it* shows: the conversation as visitors see it, and beside each answer how it was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.safestring import SafeString

from deployments import test_cases
from deployments.models import Assistant
from deployments.pages import talk as talks
from deployments.pages import thought_words
from deployments.pages.talk import Talk
from deployments.pages.trace_words import Explained, explain, meaning_in_words
from deployments.pages.try_form import CHANNEL_LABELS, DRAFT, TryForm, languages_of, versions_of
from deployments.responders.schema import CHANNELS
from deployments.safe_text import render_markdown
from deployments.test_cases import utterance_key

_LINK = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)


@dataclass(frozen=True)
class Button:
    """A button of a message: a link, or where a tap on it is found again."""

    label: str
    url: str = ""
    tap: str = ""


@dataclass(frozen=True)
class Card:
    """A card, or an item of a list."""

    title: str
    text: SafeString
    image: str = ""
    url: str = ""
    buttons: list[Button] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """What a message has beside its text."""

    kind: str
    cards: list[Card] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """One message of the assistant."""

    html: SafeString
    blocks: list[Block]
    is_cut: bool = False


@dataclass(frozen=True)
class KnownCase:
    """The test case that there is for an utterance."""

    expected: str
    is_met: bool


@dataclass(frozen=True)
class Turn:
    """Something that was said, and what came of it. `may_be_case`: it says what the visitor wants."""

    number: int
    text: str
    is_tap: bool
    seconds: int
    answers: list[Answer]
    how: Explained | None
    hand_over: str
    end: str
    refused: Mapping[str, str] | None
    is_stopped: bool
    may_be_case: bool
    case: KnownCase | None
    chosen: str | None  # of the form for a test case, where it is open


@dataclass(frozen=True)
class Quiet:
    """What would be said into silence."""

    seconds: int
    html: SafeString
    then: str


@dataclass
class Panel:
    """All that the template draws."""

    signed: str
    began: str
    welcome: list[Answer]
    turns: list[Turn]
    quiet: Quiet | None
    is_over: bool
    form: TryForm
    values: dict[str, str]
    languages: list[str]
    sources: list[tuple[str, str]]
    meanings: list[tuple[str, str]]
    is_broken: bool
    is_changed: bool
    channels: list[tuple[str, str]] = field(default_factory=lambda: [(key, CHANNEL_LABELS[key]) for key in CHANNELS])
    refused: str = ""  # why what was pressed isn't done
    told: str = ""  # what was done


# --- Drawing ------------------------------------------------------------------------------------------------------


def draw(
    assistant: Assistant,
    talk: Talk,
    form: TryForm,
    values: dict[str, str],
    seen: str,
    *,
    opened: str = "",
    refused: str = "",
    told: str = "",
) -> Panel:
    """The panel. `opened`: the number of the turn whose test case is being made. Inside `tenant()`."""
    known = {utterance_key(case["utterance"]): case["expected"] for case in assistant.test_cases}
    signed = talk.packed(assistant.id)
    quiet = talk.quiet
    names = [str(intent["name"]) for intent in assistant.draft["scripted"]["intents"]]
    return Panel(
        signed=signed,
        began=talk.began,
        welcome=[_answer(spoken, f"w.{place}") for place, spoken in enumerate(talk.welcome)],
        turns=[
            _turn(assistant, turn, number, known, is_open=str(number) == opened)
            for number, turn in enumerate(talk.turns, talk.first)
        ],
        quiet=None if quiet is None else Quiet(quiet["after_seconds"], _html(quiet["text"]), quiet["then"]),
        is_over=talk.is_over,
        form=form,
        values=values,
        languages=languages_of(assistant.draft["scripted"]),
        sources=[
            (DRAFT, "The draft"),
            *((str(version.number), f"Version {version.number}") for version in versions_of(assistant)),
        ],
        meanings=meanings(names),
        is_broken=assistant.draft_typed is not None,
        is_changed=bool(talk.turns) and talk.seen != seen,
        refused=refused,
        told=told,
    )


def meanings(names: Sequence[str]) -> list[tuple[str, str]]:
    """What a test case can expect, for a select."""
    special = (test_cases.FALLBACK, test_cases.SMALL_TALK)
    return [*((name, name) for name in names), *((name, meaning_in_words(name)) for name in special)]


def _turn(
    assistant: Assistant, turn: Mapping[str, Any], number: int, known: Mapping[str, str], *, is_open: bool
) -> Turn:
    # Of what a model or a bot answered, an intent that it should mean says nothing.
    text, may_be_case = turn["text"], Talk.is_utterance(turn) and turn["trace"].get("by") not in thought_words.KINDS
    expected = known.get(utterance_key(text)) if may_be_case else None
    meant = None
    if may_be_case and (is_open or expected is not None):
        # As the first thing said, as test cases are: later in a conversation the same words may mean another thing.
        case = {"utterance": text, "expected": expected or ""}
        meant = test_cases.run(assistant.content_of_draft(), [case]).results[0]
    return Turn(
        number=number,
        text=text,
        is_tap=turn["payload"] is not None,
        seconds=turn.get("seconds", 0),
        answers=[_answer(spoken, f"{number}.{place}") for place, spoken in enumerate(turn["replies"])],
        how=_how(turn),
        hand_over=turn["hand_over"] or "",
        end=turn["end"] or "",
        refused=turn.get("refused"),
        is_stopped=bool(turn.get("stopped")),
        may_be_case=may_be_case,
        case=KnownCase(meaning_in_words(expected), meant.passed) if meant and expected is not None else None,
        chosen=meant.got if meant and is_open else None,
    )


def _how(turn: Mapping[str, Any]) -> Explained | None:
    how = explain(turn["trace"])
    if how is None or not turn.get("refused"):
        return how
    # Why it could not answer stands where the answer would.
    return replace(how, facts=[fact for fact in how.facts if fact[0] != "Failed"])


def _html(text: str) -> SafeString:
    return SafeString(render_markdown(text) if text else "")


def _answer(spoken: Mapping[str, Any], place: str) -> Answer:
    places = {id(button): number for number, button in enumerate(talks.buttons_of(spoken["blocks"]))}

    def buttons(raw: Sequence[Mapping[str, Any]]) -> list[Button]:
        return [
            Button(button["label"], tap=f"{place}.{places[id(button)]}")
            if "payload" in button
            else Button(button["label"], url=_link(button.get("url", "")))
            for button in raw
        ]

    def card(raw: Mapping[str, Any]) -> Card:
        image = str(raw.get("image_url", ""))
        return Card(
            title=raw["title"],
            text=_html(raw.get("text", "")),
            image=image if image.startswith("https://") else "",
            url=_link(raw.get("url", "")),
            buttons=buttons(raw.get("buttons", ())),
        )

    def block(raw: Mapping[str, Any]) -> Block:
        match raw["type"]:
            case "card":
                return Block("card", [card(raw)])
            case "carousel":
                return Block("carousel", [card(one) for one in raw["cards"]])
            case "list":
                return Block("list", [card(one) for one in raw["items"]])
        return Block("buttons", buttons=buttons(raw.get("buttons", ())))

    return Answer(_html(spoken["text"]), [block(raw) for raw in spoken["blocks"]], bool(spoken.get("is_cut")))


def _link(url: str) -> str:
    """An address that may stand in a page."""
    return url if _LINK.match(url) else ""
