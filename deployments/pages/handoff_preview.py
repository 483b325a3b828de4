"""What visitors read under the rules of hand-overs: who asks now, and every step in a language and on a channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from deployments import desks, handoff_rules
from deployments.handoff_form import wanted_when_closed
from deployments.handoff_outline import STEP_TITLES, desk_words, duration
from deployments.handoff_rules import VALUES_OF_STEPS, Rules
from deployments.models import Conversation
from deployments.safe_text import render_markdown
from deployments.words import HANDOFF_STEPS


@dataclass(frozen=True)
class Said:
    """Something that a visitor reads at a step."""

    title: str
    html: SafeString


@dataclass(frozen=True)
class Meets:
    """What a visitor who asks now meets: how it stands, and what is said, one after another."""

    standing: str
    said: Sequence[Said]
    then: str


def meets(content: Mapping[str, Any], *, person: str, locale: str, channel: str, now: dt.datetime) -> Meets:
    """What a visitor who asks now meets under these (checked) rules."""
    rules, talk = handoff_rules.parsed(content), Conversation(locale=locale, channel=channel)
    hours = rules.hours
    is_open = hours is None or hours.is_open(now)
    reasons = _who_is_away(rules, now)
    standing = _standing(rules, now)
    if first := _rehearsed(rules, now):
        standing += f" The first who is asked is {first}, a rehearsal: nobody real comes from there."
    if is_open and not reasons:
        steps = ["waiting", *(f"ask_{name}" for name in rules.form)]
        wait, silence = (duration(int(each.total_seconds())) for each in (rules.longest_wait, rules.longest_silence))
        read = _plain(rules, talk, "nobody_came", person).strip()
        stop = "" if read.endswith((".", "!", "?", "…")) else "."
        then = f"If nobody comes within {wait}, they read: “{read}”{stop} A person who has the conversation and doesn't"
        then += f" answer for {silence} is taken for gone, and the others are asked."
        return Meets(standing, [_said(rules, talk, step, person) for step in steps], then)
    opens = hours.opens_at(now) if hours and not is_open else None
    opens_at = hours.words_of(opens, locale) if hours and opens else ""
    waits = rules.waits_when_closed and (is_open or opens is not None)
    asked = [f"ask_{name}" for name in wanted_when_closed(rules.form, channel)]
    steps = ["closed_wait", *asked] if waits else ["closed"]
    told = [_said(rules, talk, step, person, opens_at) for step in steps]
    standing += f" {' '.join(reasons)}" if reasons else ""
    if waits:
        wait = duration(int(rules.longest_wait.total_seconds()))
        then = f"The conversation waits: they need not stay. If nobody comes within {wait}"
        then += ", the assistant goes on." if is_open else " from then on, the assistant goes on."
    else:
        then = "The assistant goes on at once."
    return Meets(standing, told, then)


def _standing(rules: Rules, now: dt.datetime) -> str:
    if rules.hours is None:
        return "People are there at any hour."
    if rules.hours.is_open(now):
        closes = rules.hours.closes_at(now)
        zone = str(rules.hours.zone)
        return f"Now: open until {rules.hours.words_of(closes, 'en')}." if closes else f"Now: open ({zone})."
    opens = rules.hours.opens_at(now)
    if opens is None:
        return "Now: closed, and not open on any of the next 60 days."
    return f"Now: closed. People are back on {rules.hours.words_of(opens, 'en')}."


def _who_is_away(rules: Rules, now: dt.datetime) -> list[str]:
    """Why no desk takes a case now; empty where one does."""
    reasons = []
    for ref in rules.desks:
        desk = desks.of(ref)
        there = desk.availability(now) if desk else desks.Availability(False, "The connection is deleted.")
        if there.is_open:
            return []
        reasons.append(f"{desk.name() if desk else desk_words(ref).capitalize()}: {there.words}")
    return reasons


def _rehearsed(rules: Rules, now: dt.datetime) -> str:
    """The first desk that takes cases now, where that is a rehearsal; "" otherwise."""
    played = desks.rehearsals()
    there = ((ref, desk) for ref in rules.desks if (desk := desks.of(ref)) is not None)
    first = next((ref for ref, desk in there if desk.availability(now).is_open), "") if played else ""
    return played[first].name if first in played else ""


def preview(content: Mapping[str, Any], *, person: str, locale: str, channel: str, now: dt.datetime) -> list[Said]:
    """The words of every step as a visitor reads them."""
    rules, talk = handoff_rules.parsed(content), Conversation(locale=locale, channel=channel)
    hours = rules.hours
    # Where people are there now: when they are back after that.
    opens = hours.opens_at(hours.closes_at(now) or now) if hours else None
    opens_at = hours.words_of(opens, locale) if hours and opens else ""
    return [_said(rules, talk, step, person, opens_at) for step in HANDOFF_STEPS]


def _values(rules: Rules, talk: Conversation, step: str, person: str, opens_at: str) -> dict[str, str]:
    within = duration(int(rules.longest_wait.total_seconds()), talk.locale)
    given = {"person": person, "opens_at": opens_at, "within": within}
    return {name: given[name] for name in VALUES_OF_STEPS.get(step, ())}


def _said(rules: Rules, talk: Conversation, step: str, person: str, opens_at: str = "") -> Said:
    words = rules.words(step, talk, **_values(rules, talk, step, person, opens_at))
    return Said(STEP_TITLES[step], SafeString(render_markdown(words)))


def _plain(rules: Rules, talk: Conversation, step: str, person: str) -> str:
    return rules.words(step, talk, **_values(rules, talk, step, person, ""))
