"""A script that has everything a script can have."""

from __future__ import annotations

from typing import Any

_CARD: dict[str, Any] = {
    "title": "Tea <set> for {{team_size|you}}",
    "text": "Two cups,\nand a pot",
    "image_url": "https://shop.example/tea.png?size=2&v=1",
    "buttons": [
        {"label": "Buy", "url": "https://shop.example/{{product|tea}}"},
        {"label": "Ask", "payload": "intent:book"},
    ],
}


def said(text: str, **more: Any) -> dict[str, Any]:
    """Words with everything that words can have."""
    return {
        "text": text,
        "buttons": [{"label": "Says", "payload": "words"}, {"label": "Leads", "payload": "intent:BOOK"}],
        "blocks": [
            {"type": "card", **_CARD},
            {"type": "carousel", "cards": [_CARD, {"title": "Bare"}]},
            {
                "type": "list",
                "items": [{"title": "One", "text": "a\nb", "url": "mailto:a@b.example"}, {"title": "Two"}],
            },
            {"type": "buttons", "buttons": [{"label": "Two\nlines", "payload": "two\nlines"}]},
        ],
        "also": [
            {"language": "de", "text": 'Hallo "Welt"', "buttons": [{"label": "Ja", "payload": "ja"}]},
            {"channel": "sms", "text": "Short & plain"},
            {"language": "pt-BR", "channel": "voice", "text": "Olá", "blocks": [{"type": "card", **_CARD}]},
        ],
        **more,
    }


KITCHEN_SINK: dict[str, Any] = {
    "welcome": said("Welcome to {{shop}}"),
    "fallback": said("Pardon?"),
    "fallback_again": said("Pardon again?", then="hand_over"),
    "no_input": said("Still there?", after_seconds=75, then="end"),
    "small_talk": False,
    "languages": ["en", "de", "pt-BR"],
    "variables": [{"name": "shop", "value": "Tea & Co,\nHamburg"}, {"name": "product", "value": "tea"}],
    "intents": [
        {
            "name": "Book",
            "phrases": ["book a table", "a table, please; soon", "ich möchte einen Tisch"],
            "ask": [
                {
                    "slot": "team_size",
                    "kind": "number",
                    "prompt": said("How many?"),
                    "reprompt": said("How many, as a number?"),
                    "invalid": said("That is no number."),
                    "attempts": 2,
                    "min": 1,
                    "max": 12.5,
                    "give_up": said("Never mind.", then="end"),
                },
                {"slot": "day", "kind": "date", "prompt": {"text": "When?"}, "min": "today", "max": "2030-12-31"},
                {
                    "slot": "place",
                    "kind": "choice",
                    "prompt": {"text": "Where?"},
                    "choices": [
                        {"label": "Inside", "value": "in", "synonyms": ["indoors", "at the bar, say"]},
                        {"label": "Outside"},
                    ],
                },
                {"slot": "name", "kind": "text", "prompt": {"text": "Who?"}, "min": 2, "max": 80},
                {"slot": "mail", "kind": "email", "prompt": {"text": "Mail?"}},
                {"slot": "phone", "kind": "phone", "prompt": {"text": "Phone?"}},
                {
                    "slot": "sure",
                    "kind": "yes_no",
                    "prompt": {"text": "Sure, {{name}}?"},
                    "give_up": {"text": "Then not.", "then": "cancel"},
                },
            ],
            "answers": [said("Booked for {{team_size}}."), {"text": "Done, {{visitor.name|friend}}."}],
            "action": {"type": "go_to", "intent": "goodbye"},
        },
        {"name": "Goodbye", "phrases": [], "answers": [{"text": "Bye"}], "action": {"type": "end"}},
        {"name": "Person", "phrases": ["a person"], "answers": [], "action": {"type": "hand_over"}},
    ],
}
