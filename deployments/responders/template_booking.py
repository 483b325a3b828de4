"""The template *Booking*: takes a wish for an appointment, day by day. Data only."""

from __future__ import annotations

from typing import Any

_BOOK = {"label": "Book an appointment", "payload": "intent:Book"}
_MOVE = {"label": "Change or cancel", "payload": "intent:Change or cancel"}
_HOURS = {"label": "Opening hours", "payload": "intent:Opening hours"}

BOOKING: dict[str, Any] = {
    "variables": [
        {"name": "place", "value": "the practice"},
        {"name": "hours", "value": "Monday to Friday, 9 am to 5 pm"},
    ],
    "welcome": {
        "text": "Hello! I take appointments for {{place}}. What can I do for you?",
        "buttons": [_BOOK, _MOVE, _HOURS],
    },
    "intents": [
        {
            "name": "Book",
            "phrases": [
                "book an appointment",
                "I would like to make an appointment",
                "can I come by",
                "I need an appointment",
                "reserve a slot",
                "do you have time for me",
                "when can I come",
                "schedule a visit",
                "I want to reserve",
                "is there a free slot",
                "is anything free tomorrow",
                "could you fit me in",
                "make an appointment",
                "book a visit",
                "I'd like to come in",
                "I need to see someone",
                "do you have a free appointment",
                "when is your next free appointment",
                "are there any appointments left this week",
                "can you see me this afternoon",
                "arrange a time",
            ],
            "ask": [
                {
                    "slot": "service",
                    "kind": "choice",
                    "prompt": {"text": "What is it about?"},
                    "choices": [
                        {"label": "First visit", "synonyms": ["new", "first time"]},
                        {"label": "Check-up", "synonyms": ["checkup", "check", "routine"]},
                        {"label": "Something else", "synonyms": ["other", "no idea"]},
                    ],
                },
                {
                    "slot": "day",
                    "kind": "date",
                    "prompt": {"text": "Which day suits you?"},
                    "reprompt": {"text": "Which day suits you? For example: next Tuesday."},
                    "min": "today",
                },
                {
                    "slot": "people",
                    "kind": "number",
                    "prompt": {"text": "How many of you will come?"},
                    "min": 1,
                    "max": 10,
                },
                {"slot": "name", "kind": "text", "prompt": {"text": "On which name?"}, "min": 2, "max": 80},
                {
                    "slot": "phone",
                    "kind": "phone",
                    "prompt": {"text": "Which phone number can we reach you at, {{name}}?"},
                    "give_up": {"text": "That is better done by a person.", "then": "hand_over"},
                },
                {
                    "slot": "right",
                    "kind": "yes_no",
                    "prompt": {
                        "text": "{{service}} on **{{day}}** for {{people}}, {{name}}, {{phone}}. Is that right?"
                    },
                },
            ],
            "answers": [
                {
                    "text": (
                        "Thank you, {{name}}! I have noted **{{service}}** on **{{day}}** for {{people}}. "
                        "I pass it on, and you hear from {{place}} at {{phone}}."
                    ),
                    "buttons": [{"label": "Change something", "payload": "intent:Book"}],
                }
            ],
            "action": {"type": "hand_over"},
        },
        {
            "name": "Change or cancel",
            "phrases": [
                "I have to cancel my appointment",
                "can I move my appointment",
                "reschedule my visit",
                "I can't come tomorrow",
                "change my booking",
                "I am running late",
                "I will be a bit late",
                "I can't make it",
                "postpone my appointment",
                "can we find another time",
                "cancel my booking",
                "I need another time",
                "can I come on another day",
                "please move me to next week",
                "bring my appointment forward",
                "I am ill and can't come",
                "I will not be able to come",
            ],
            "ask": [
                {"slot": "name", "kind": "text", "prompt": {"text": "On which name is it?"}, "min": 2, "max": 80},
                {"slot": "old_day", "kind": "date", "prompt": {"text": "For which day was it?"}},
            ],
            "answers": [{"text": "Thank you. I pass it on: {{name}}, {{old_day}}."}],
            "action": {"type": "hand_over"},
        },
        {
            "name": "Opening hours",
            "phrases": [
                "opening hours",
                "when are you open",
                "are you open on Saturday",
                "at what time do you close",
                "until when are you there",
                "when can I reach you",
                "how long are you open",
                "what are your opening hours",
                "business hours",
                "when do you open",
                "are you open today",
                "are you closed on public holidays",
            ],
            "answers": [{"text": "We are open {{hours}}.", "buttons": [_BOOK]}],
        },
        {
            "name": "Talk to a person",
            "phrases": [
                "talk to a person",
                "I want to speak with a human",
                "connect me with the front desk",
                "can somebody help me",
                "is there someone I can speak to",
                "a human please",
                "let me talk to someone",
                "is there a real person",
                "can someone call me",
                "what is your phone number",
                "I have a complaint",
            ],
            "answers": [{"text": "Of course."}],
            "action": {"type": "hand_over"},
        },
    ],
    "small_talk": True,
    "fallback": {
        "text": "Sorry, I only know about appointments. Would you like to book one?",
        "buttons": [_BOOK, _MOVE],
    },
    "fallback_again": {
        "text": "I don't get it. A person would.",
        "then": "hand_over",
    },
    "no_input": {"after_seconds": 300, "text": "Are you still there? I keep what you have told me so far."},
}

TESTS: list[dict[str, str]] = [
    {"utterance": "I'd like to make an appointment please", "expected": "Book"},
    {"utterance": "can I move my apointment to another day", "expected": "Change or cancel"},
    {"utterance": "are you open on saturdays", "expected": "Opening hours"},
    {"utterance": "I want to speak with a human", "expected": "Talk to a person"},
    {"utterance": "who won the football match", "expected": ""},
]
