"""The elements of what Virtual Agent posts (va-api-controls, bot-api), and those of a live agent.

What is posted when an agent joins or leaves stands on `pages.VA_ACTIONS` as a table of action types alone:
SwitchToLiveAgent («a live agent has accepted the conversation»), System («a live agent has entered», «either the live
agent or the user closed the chat», «the conversation with a live agent has timed out»), SwitchToVirtualAgent («the
live agent session has ended»), SubscribeToSupportQueue («set to the support queue»), SubscribeToChatPresence («a live
agent conversation has begun»). No page shows one whole: `message` beside System, and its words, are those that other
integrations are seen to look for. StartTypingIndicator is called so on bot-api and StartTypingIndicatorActionMsg in
that table, whose own example says StartTypingIndicator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Element = dict[str, Any]

GREETING = "Hi, I'm your Virtual Agent. Let me know how I can help you today."
NOT_UNDERSTOOD = "I am sorry but I didn't understand your request."
AGAIN = "Please try giving me your request in a different way. I'm currently better at understanding short sentences."
TRANSFER = "Please stand by while I connect you to a live agent."
ENDED = "The conversation has ended. If you need help again, type hi."
# «Enter the message that users see when a live agent is not available. For example: …» (ac-configure-agent-chat).
NOBODY = "No agents are available at the moment. Please try again later."
ASK = "I want to be sure I got this right. What item best describes what you want to do?"
LIVE_TOPIC = "Live Agent Support."
SEVERAL = "Hi guest, please enter your request or make a selection of what I can help with."
WAIT = "Routing you to a live agent..."


def text(value: str, agent: Mapping[str, Any] | None = None, message_id: str = "") -> Element:
    """OutputText; with `agent` that of a live agent."""
    found: Element = {"uiType": "OutputText", "group": "DefaultText", "value": value, "maskType": "NONE"}
    found |= {"agentInfo": dict(agent)} if agent else {}
    return found | ({"messageId": message_id} if message_id else {})


def agent_info(user: Mapping[str, str], base_url: str) -> Element:
    """Who a live agent is."""
    return {
        "sentFromAgent": True,
        "agentId": user["sys_id"],
        "agentName": user["name"],
        "agentAvatar": f"{base_url}/{user['sys_id']}.iix?t=small",
    }


def action(kind: str, **more: str) -> Element:
    """ActionMsg."""
    return {"uiType": "ActionMsg", "actionType": kind, **more}


def spinner() -> Element:
    """How long they wait for an agent."""
    return action("StartSpinner", spinnerType="wait_time", message=WAIT, waitTime="8 Seconds")


def topics() -> Element:
    """TopicPickerControl."""
    return {
        "uiType": "TopicPickerControl",
        "group": "DefaultPicker",
        "nluTextEnabled": False,
        "promptMsg": SEVERAL,
        "label": "Show me everything",
        "options": [{"label": LIVE_TOPIC, "value": "ce2ee85053130010cf8cddeeff7b12bf", "enabled": True}],
    }


def picker(label: str, options: Sequence[str]) -> Element:
    """Picker."""
    return {
        "uiType": "Picker",
        "group": "DefaultPicker",
        "required": True,
        "nluTextEnabled": False,
        "label": label,
        "itemType": "List",
        "style": "list",
        "multiSelect": False,
        "options": [{"label": one, "value": one, "renderStyle": "data", "enabled": True} for one in options],
        "scriptedData": None,
    }


def input_text(label: str) -> Element:
    """InputText."""
    return {
        "uiType": "InputText",
        "group": "DefaultText",
        "required": True,
        "nluTextEnabled": False,
        "label": label,
        "maskType": "NONE",
    }


def file_upload(label: str) -> Element:
    """FileUpload, which asks for a file (bot-api: `itemType`, `maxCount`, `maxSize` in megabytes)."""
    return {
        "uiType": "FileUpload",
        "group": "DefaultText",
        "required": True,
        "nluTextEnabled": False,
        "label": label,
        "itemType": "File",
        "maxCount": 1,
        "maxSize": 25,
    }


def card(title: str, base_url: str) -> Element:
    """OutputCard, whose `data` is JSON as text."""
    data = {
        "sys_id": "0c5f3cece1b12010f877971dea0b1449",
        "subtitle": "INC0008001",
        "title": title,
        "fields": [
            {"fieldLabel": "Number", "fieldValue": "INC0008001"},
            {"fieldLabel": "Short description", "fieldValue": title},
        ],
        "table_name": "incident",
        "url": f"{base_url}/sp?id=ticket&table=incident&sys_id=0c5f3cece1b12010f877971dea0b1449",
        "target": "_blank",
    }
    return {"uiType": "OutputCard", "group": "DefaultOutputCard", "templateName": "Card", "data": json.dumps(data)}


def link(label: str, base_url: str) -> Element:
    """OutputLink."""
    return {
        "uiType": "OutputLink",
        "group": "DefaultOutputLink",
        "label": label,
        "header": "The world works with ServiceNow",
        "type": "link",
        "value": {"action": f"{base_url}/va_link.do?target_url=https%3A%2F%2Fwww.servicenow.com", "target": "_blank"},
    }


def links(header: str, base_url: str) -> Element:
    """GroupedPartsOutputControl: several links."""
    return {
        "uiType": "GroupedPartsOutputControl",
        "group": "DefaultGroupedPartsOutputControl",
        "groupPartType": "Link",
        "header": header,
        "values": [
            {
                "action": f"{base_url}/va_link.do?target_url=https%3A%2F%2Fwww.link{number}.com",
                "description": "a short desc",
                "label": f"link {number} label",
                "context": context,
                "target": "_blank",
            }
            for number, context in ((1, "KB"), (2, "ITSM"))
        ],
    }


def image(alt: str) -> Element:
    """OutputImage."""
    return {
        "uiType": "OutputImage",
        "group": "DefaultOutputImage",
        "value": "https://adaptivecards.io/content/cats/1.png",
        "altText": alt,
    }


def html(words: str) -> Element:
    """OutputHtml; bot-api calls its group DefaultHtml, va-api-controls DefaultOutputHtml, as here."""
    value = "<table><tr><th>Company</th></tr><tr><td>Alfreds Futterkiste</td></tr></table>"
    return {
        "uiType": "OutputHtml",
        "group": "DefaultOutputHtml",
        "style": "inline",
        "height": 0,
        "width": 0,
        "value": f"<p>{_escaped(words)}</p>{value}",
    }


def fancy(words: str) -> Element:
    """A control that no page knows: what comes with a later release."""
    return {"uiType": "FancyControl", "group": "DefaultFancy", "label": words, "value": {"is": "unknown"}}


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")
