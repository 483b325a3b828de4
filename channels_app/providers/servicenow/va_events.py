"""What the Virtual Agent posts to us, as a visitor may read it.

ServiceNowDocs: markdown/api-reference/rest-apis/bot-api.md ("VA response body parameters" and the examples below them).
`agentChat: true` says that a person has the conversation. What the bot itself says is not told to the visitor, who has
an assistant already: its menus lead nowhere here, and a message of the desk would count as a person having come. It
stays readable with the connection's events.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers.base import InboundRequest
from channels_app.providers.code_words import in_words
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent
from channels_app.providers.servicenow.virtual_agent import CASE
from channels_app.providers.servicenow.webhooks import body_of
from channels_app.providers.servicenow.words import of_html, tidy

# A post that is repeated has the same body; somebody who says the same again has so too, but later.
COPY_SECONDS, TYPING_COPY_SECONDS = 60.0, 2.0
NOBODY = re.compile(
    r"(?i)\bno (?:live )?agents? (?:is |are )?(?:currently |presently )?available"
    r"|\bagents? (?:is|are) (?:currently )?(?:not available|unavailable)"
)
# As bot-api.md shows them, said with `agentChat` before anybody has come.
_QUEUED = frozenset({"please stand by while i connect you to a live agent.", "routing you to a live agent..."})
_OVER = re.compile(r"(?i)^(?:end|close|complete|terminate)_?(?:chat|conversation|session)$")
_LAPSED = re.compile(r"(?i)\btim(?:e|ed|es)[ -]?out\b")
_TAGS = re.compile(r"<[a-zA-Z/!][^>]*>")
LONGEST_WHAT = 300


def parse(request: InboundRequest) -> list[ProviderEvent]:
    """Each element of a post in its order, and then how the conversation stands."""
    post = body_of(request)
    made = hashlib.sha256(request.body).hexdigest()[:40]
    body = post.get("body")
    elements = [one for one in (body if isinstance(body, list) else [body]) if isinstance(one, Mapping)]
    address, is_agent = _address(post), post.get("agentChat") is True
    events = [_event(one, f"{made}:{place}", address, is_agent) for place, one in enumerate(elements)]
    events += _end(post, made, address, events, elements)
    return events or [
        NotUsed(key=f"post:{made}", address=address, what="a post of the Virtual Agent that says nothing")
    ]


def _address(post: Mapping[str, Any]) -> str:
    """Our key, which comes back; else the session, which is the conversation."""
    variables = post.get("clientVariables")
    key = variables.get(CASE) if isinstance(variables, Mapping) else None
    return str(key or post.get("clientSessionId") or "")[:100]


def _event(element: Mapping[str, Any], made: str, address: str, is_agent: bool) -> ProviderEvent:
    given = element.get("messageId")
    place = made.rpartition(":")[2]
    key = f"message:{given[:100]}:{place}" if isinstance(given, str) and given else f"post:{made}"
    seconds = None if key.startswith("message:") else COPY_SECONDS
    if element.get("uiType") == "ActionMsg":
        return _action(element, key, address, is_agent)
    words, info = words_of(element), element.get("agentInfo")
    info = info if isinstance(info, Mapping) else {}
    is_system = info.get("sentFromAgent") is False or (not info and words.casefold() in _QUEUED)
    if NOBODY.search(words) and info.get("sentFromAgent") is not True:
        return DeskSaid(key=key, address=address, says="unavailable", text=words[:300], copy_seconds=seconds)
    if not is_agent and info.get("sentFromAgent") is not True:
        return NotUsed(key=key, address=address, what=_short("the bot said", words), copy_seconds=seconds)
    if is_system or not words:
        return NotUsed(key=key, address=address, what=_short("ServiceNow said", words), copy_seconds=seconds)
    name = str(info.get("agentName") or "")
    return DeskSaid(key=key, address=address, says="message", name=name, text=words, copy_seconds=seconds)


def _action(element: Mapping[str, Any], key: str, address: str, is_agent: bool) -> ProviderEvent:
    kind, words = str(element.get("actionType") or ""), words_of(element)
    seconds = None if key.startswith("message:") else COPY_SECONDS
    if kind in {"StartTypingIndicator", "EndTypingIndicator"}:
        if not is_agent:
            return NotUsed(key=key, address=address, what="the bot types", copy_seconds=TYPING_COPY_SECONDS)
        is_on = kind.startswith("Start")
        return DeskSaid(key=key, address=address, says="typing", on=is_on, copy_seconds=TYPING_COPY_SECONDS)
    if kind == "SwitchToLiveAgent":
        info = element.get("agentInfo")
        name = str(info.get("agentName") or "") if isinstance(info, Mapping) else ""
        return DeskSaid(key=key, address=address, says="accepted", name=name, copy_seconds=seconds)
    if NOBODY.search(words):
        return DeskSaid(key=key, address=address, says="unavailable", text=words[:300], copy_seconds=seconds)
    if _OVER.match(kind):
        return DeskSaid(key=key, address=address, says="ended", text=words[:300], copy_seconds=seconds)
    wait = f" ({element['waitTime']})" if isinstance(element.get("waitTime"), str) else ""
    step = f"what the Virtual Agent calls “{in_words(kind)}”" if kind else "a step of the Virtual Agent"
    what = _short(f"{step}{wait}", words)
    return NotUsed(key=key, address=address, what=what, copy_seconds=seconds)


def _is(element: Mapping[str, Any], action: str) -> bool:
    return element.get("uiType") == "ActionMsg" and element.get("actionType") == action


def _lapsed(element: Mapping[str, Any]) -> str:
    """The words of an action which tells that the chat with the agent has timed out; "" of any other."""
    if element.get("uiType") != "ActionMsg" or element.get("actionType") != "System":
        return ""
    words = words_of(element)
    return words[:LONGEST_WHAT] if _LAPSED.search(words) else ""


def _end(
    post: Mapping[str, Any],
    made: str,
    address: str,
    events: Sequence[ProviderEvent],
    elements: Sequence[Mapping[str, Any]],
) -> list[ProviderEvent]:
    """`takeControl` gives it back, and so does an agent who has left; `completed` says that it is over.

    Agents come and leave by `SwitchToLiveAgent` and `SwitchToVirtualAgent`; that a chat has timed out, which nobody
    chose, is told by `System`, and its `completed` is the bot's (ServiceNowDocs:
    conversational-interfaces/virtual-agent/virtual-agent-api-whats-new.md, action types).
    """
    if any(isinstance(one, DeskSaid) and one.says in {"unavailable", "ended"} for one in events):
        return []
    if post.get("takeControl") is True:
        return [DeskSaid(key=f"back:{made}", address=address, says="returned", copy_seconds=COPY_SECONDS)]
    lapsed = next((words for one in elements if (words := _lapsed(one))), "")
    if lapsed:
        return [DeskSaid(key=f"lapsed:{made}", address=address, says="lapsed", text=lapsed, copy_seconds=COPY_SECONDS)]
    if post.get("completed") is True:
        return [DeskSaid(key=f"over:{made}", address=address, says="ended", copy_seconds=COPY_SECONDS)]
    if any(_is(one, "SwitchToVirtualAgent") for one in elements):
        return [DeskSaid(key=f"left:{made}", address=address, says="returned", copy_seconds=COPY_SECONDS)]
    return []


# --- Elements as words ------------------------------------------------------------------------------------------------


def words_of(element: Mapping[str, Any]) -> str:
    """What an element shows, as text: of a picker the choices, of a card its fields, of anything all that it has."""
    kind, value = str(element.get("uiType") or ""), element.get("value")
    if kind in {"OutputLink", "DefaultOutputLink"}:
        action = value.get("action", "") if isinstance(value, Mapping) else value
        return _lines(element.get("header"), element.get("label"), action)
    if kind in {"OutputCard", "DefaultOutputCard"}:
        return _lines(element.get("label"), element.get("header"), *_card(element.get("data")))
    if kind in {"GroupedPartsOutputControl", "DefaultGroupedPartsOutputControl"}:
        return _lines(element.get("label"), element.get("header"), *_parts(value), *_parts(element.get("values")))
    options = [f"- {one}" for one in _options(element.get("options"))]
    firsts = (element.get("promptMsg"), element.get("header"), element.get("label"), element.get("message"))
    return _lines(*firsts, *([value] if not isinstance(value, Mapping | list) else _parts(value)), *options)


def _lines(*parts: object) -> str:
    texts = [_text(one) for one in parts if isinstance(one, str | int | float) and not isinstance(one, bool)]
    return tidy("\n".join(dict.fromkeys(text for text in texts if text)))


def _text(part: object) -> str:
    text = str(part)
    return of_html(text) if _TAGS.search(text) else text.strip()


def _options(options: object) -> list[str]:
    rows = options if isinstance(options, list) else []
    return [str(one.get("label") or one.get("value") or "") for one in rows if isinstance(one, Mapping)]


def _card(data: object) -> list[str]:
    """The fields of a card, whose data is JSON in a string."""
    if not isinstance(data, str):
        return _parts(data)
    try:
        return _parts(json.loads(data))
    except (ValueError, RecursionError):
        return [data]


def _parts(value: object, depth: int = 0) -> list[str]:
    """All words in a value of any shape, in their order; fields as `label: value`."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return [str(value)]
    if depth > 6:
        return []
    if isinstance(value, list):
        return [part for one in value[:100] for part in _parts(one, depth + 1)]
    if not isinstance(value, Mapping):
        return []
    label = value.get("fieldLabel") or value.get("label")
    shown = value.get("fieldValue") or value.get("value")
    if isinstance(label, str) and isinstance(shown, str):
        return [f"{label}: {shown}"]
    return [part for one in list(value.values())[:100] for part in _parts(one, depth + 1)]


def _short(what: str, words: str) -> str:
    return f"{what}: {words}"[:LONGEST_WHAT] if words else what
