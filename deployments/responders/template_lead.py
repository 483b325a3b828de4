"""The template *Lead capture*: finds out what a visitor is looking for and how to reach them. Data only."""

from __future__ import annotations

from typing import Any

_TALK = {"label": "Get in touch", "payload": "intent:Get in touch"}
_PRICES = {"label": "Prices", "payload": "intent:Prices"}
_PERSON = {"label": "Talk to a person", "payload": "intent:Talk to a person"}

LEAD: dict[str, Any] = {
    "variables": [
        {"name": "company", "value": "our team"},
        {"name": "reply_time", "value": "one working day"},
    ],
    "welcome": {
        "text": "Hi {{visitor.name|there}}! Tell me what you are looking for, and {{company}} gets back to you.",
        "buttons": [_TALK, _PRICES, _PERSON],
        "also": [
            {
                "language": "de",
                "text": "Hallo {{visitor.name|und willkommen}}! Sagen Sie mir, was Sie suchen, und wir melden uns.",
                "buttons": [
                    {"label": "Kontakt aufnehmen", "payload": "intent:Get in touch"},
                    {"label": "Preise", "payload": "intent:Prices"},
                    {"label": "Mit einem Menschen sprechen", "payload": "intent:Talk to a person"},
                ],
            }
        ],
    },
    "intents": [
        {
            "name": "Get in touch",
            "phrases": [
                "get in touch",
                "I want to be contacted",
                "please call me back",
                "contact me",
                "I am interested in your product",
                "I would like an offer",
                "can I get a quote",
                "request a demo",
                "I want to see a demo",
                "ich möchte ein Angebot",
                "bitte rufen Sie mich zurück",
                "bitte melden Sie sich bei mir",
                "Rückruf bitte",
                "ich habe Interesse an Ihrem Produkt",
                "ich möchte eine Vorführung sehen",
                "please write to me",
                "tell me more about your product",
                "send me more information",
                "arrange a meeting",
                "I would like some advice",
                "I want to talk to sales",
                "can someone call me",
                "ich möchte mehr erfahren",
                "bitte schreiben Sie mir",
                "schicken Sie mir Informationen",
                "ich hätte gern eine Beratung",
                "können wir einen Termin machen",
                "können Sie mich anrufen",
                "bitte machen Sie mir ein Angebot",
            ],
            "ask": [
                {
                    "slot": "name",
                    "kind": "text",
                    "prompt": {
                        "text": "Gladly. What is your name?",
                        "also": [{"language": "de", "text": "Sehr gern. Wie heißen Sie?"}],
                    },
                    "min": 2,
                    "max": 80,
                },
                {
                    "slot": "email",
                    "kind": "email",
                    "prompt": {
                        "text": "Thank you, {{name}}. Which e-mail address may we write to?",
                        "also": [
                            {
                                "language": "de",
                                "text": "Danke, {{name}}. Und an welche E-Mail-Adresse?",
                            }
                        ],
                    },
                    "reprompt": {
                        "text": "Which e-mail address may we write to?",
                        "also": [{"language": "de", "text": "An welche E-Mail-Adresse dürfen wir schreiben?"}],
                    },
                    "give_up": {
                        "text": "Never mind, that is better done by a person.",
                        "also": [{"language": "de", "text": "Macht nichts, das kann ein Mensch besser."}],
                        "then": "hand_over",
                    },
                },
                {
                    "slot": "team_size",
                    "kind": "choice",
                    "prompt": {
                        "text": "How many of you would use it?",
                        "also": [{"language": "de", "text": "Wie viele von Ihnen würden damit arbeiten?"}],
                    },
                    "choices": [
                        {"label": "1 to 9", "synonyms": ["just me", "a few", "nur ich", "wenige"]},
                        {"label": "10 to 49", "synonyms": ["some dozens", "ein paar Dutzend"]},
                        {"label": "50 or more", "synonyms": ["a lot", "hundreds", "viele", "hunderte"]},
                    ],
                },
                {
                    "slot": "call_wanted",
                    "kind": "yes_no",
                    "prompt": {
                        "text": "Shall we call you?",
                        "also": [{"language": "de", "text": "Sollen wir Sie anrufen?"}],
                    },
                },
            ],
            "answers": [
                {
                    "text": "Thank you, {{name}}! We write to {{email}} within {{reply_time}}.",
                    "also": [
                        {"language": "de", "text": "Danke, {{name}}! Wir melden uns an {{email}}, spätestens morgen."}
                    ],
                }
            ],
            "action": {"type": "hand_over"},
        },
        {
            "name": "Prices",
            "phrases": [
                "what does it cost",
                "how much is it",
                "prices",
                "do you have a price list",
                "is there a free trial",
                "how expensive is it",
                "what do you charge",
                "was kostet das",
                "wie teuer ist es",
                "gibt es eine Preisliste",
                "which plans do you have",
                "do you have a discount",
                "Preise",
                "wie viel kostet es im Monat",
                "kann ich es testen",
                "gibt es einen Rabatt",
            ],
            "answers": [
                {
                    "text": "It depends on how many of you use it. Leave me your address, and you get an offer.",
                    "buttons": [_TALK],
                    "also": [
                        {
                            "language": "de",
                            "text": "Das hängt davon ab, wie viele damit arbeiten. Gern schicken wir ein Angebot.",
                            "buttons": [{"label": "Kontakt aufnehmen", "payload": "intent:Get in touch"}],
                        }
                    ],
                }
            ],
        },
        {
            "name": "Talk to a person",
            "phrases": [
                "talk to a person",
                "I want to speak with a human",
                "connect me with somebody",
                "is there a real person",
                "a human please",
                "mit einem Menschen sprechen",
                "ich möchte mit jemandem reden",
                "einen Mitarbeiter bitte",
                "let me talk to someone",
                "can I talk to a person",
                "I don't want to talk to a bot",
                "kann ich mit jemandem sprechen",
                "ich möchte einen Menschen",
                "gibt es hier einen echten Menschen",
            ],
            "answers": [
                {"text": "Of course.", "also": [{"language": "de", "text": "Natürlich."}]},
            ],
            "action": {"type": "hand_over"},
        },
    ],
    "small_talk": True,
    "fallback": {
        "text": "I didn't quite get that. Would you like to be contacted, or to see prices?",
        "buttons": [_TALK, _PRICES],
        "also": [
            {
                "language": "de",
                "text": "Das habe ich nicht verstanden. Möchten Sie, dass wir uns melden, oder die Preise sehen?",
                "buttons": [
                    {"label": "Kontakt aufnehmen", "payload": "intent:Get in touch"},
                    {"label": "Preise", "payload": "intent:Prices"},
                ],
            }
        ],
    },
    "fallback_again": {
        "text": "I still don't get it. A person would.",
        "also": [{"language": "de", "text": "Das verstehe ich immer noch nicht. Ein Mensch kann es besser."}],
        "then": "hand_over",
    },
}

TESTS: list[dict[str, str]] = [
    {"utterance": "Could you please call me back?", "expected": "Get in touch"},
    {"utterance": "I'd like to get a quote", "expected": "Get in touch"},
    {"utterance": "how much does it cost", "expected": "Prices"},
    {"utterance": "can I speak to a human", "expected": "Talk to a person"},
    {"utterance": "what's the weather like in Rome", "expected": ""},
]
