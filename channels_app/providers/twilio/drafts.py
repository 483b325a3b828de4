"""A new template as WhatsApp takes it: its rules, checked before anybody else sees it.

Sources: twilio.com/docs/api/errors/63040 (why templates are rejected), twilio.com/docs/whatsapp/tutorial/
send-whatsapp-notification-messages-templates, developers.facebook.com (message templates, supported languages).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from channels_app.models.template import Category
from channels_app.providers.base import BadTemplate, Template
from channels_app.providers.twilio.interactive import LONGEST_BUTTON, MOST_BUTTONS
from channels_app.providers.twilio.templates import LONGEST_BODY

LONGEST_NAME, LONGEST_SAMPLE, MOST_VARIABLES = 512, 200, 20
# One that is for codes alone has a form of its own, which is made in Twilio's console.
CATEGORIES = (Category.UTILITY, Category.MARKETING)
# The codes that WhatsApp has for languages.
LANGUAGES: Mapping[str, str] = {
    "af": "Afrikaans",
    "sq": "Albanian",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "bn": "Bengali",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "zh_CN": "Chinese (China)",
    "zh_HK": "Chinese (Hong Kong)",
    "zh_TW": "Chinese (Taiwan)",
    "hr": "Croatian",
    "cs": "Czech",
    "da": "Danish",
    "nl": "Dutch",
    "en": "English",
    "en_GB": "English (UK)",
    "en_US": "English (US)",
    "et": "Estonian",
    "fil": "Filipino",
    "fi": "Finnish",
    "fr": "French",
    "ka": "Georgian",
    "de": "German",
    "el": "Greek",
    "gu": "Gujarati",
    "ha": "Hausa",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "ga": "Irish",
    "it": "Italian",
    "ja": "Japanese",
    "kn": "Kannada",
    "kk": "Kazakh",
    "rw_RW": "Kinyarwanda",
    "ko": "Korean",
    "ky_KG": "Kyrgyz",
    "lo": "Lao",
    "lv": "Latvian",
    "lt": "Lithuanian",
    "mk": "Macedonian",
    "ms": "Malay",
    "ml": "Malayalam",
    "mr": "Marathi",
    "nb": "Norwegian",
    "fa": "Persian",
    "pl": "Polish",
    "pt_BR": "Portuguese (Brazil)",
    "pt_PT": "Portuguese (Portugal)",
    "pa": "Punjabi",
    "ro": "Romanian",
    "ru": "Russian",
    "sr": "Serbian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "es": "Spanish",
    "es_AR": "Spanish (Argentina)",
    "es_MX": "Spanish (Mexico)",
    "es_ES": "Spanish (Spain)",
    "sw": "Swahili",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "zu": "Zulu",
}
_NAME = re.compile(r"[a-z0-9_]+")
_VARIABLE = re.compile(r"\{\{\s*(\w{1,40})\s*\}\}")
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


def draft(
    *, name: str, language: str, category: str, body: str, samples: Mapping[str, str], buttons: Sequence[str]
) -> Template:
    """The template to be made, with quick replies where there are buttons; `BadTemplate` with what is wrong by field.

    `samples` by the numbers of the variables; their fields are called `variables.1` and so on.
    """
    body, buttons = body.strip(), [button.strip() for button in buttons if button.strip()]
    samples = {number: " ".join(sample.split()) for number, sample in samples.items() if sample.strip()}
    errors = {
        "name": _of_name(name),
        "language": [] if language in LANGUAGES else ["Choose one of WhatsApp's languages."],
        "category": of_category(category),
        "body": _of_body(body),
        "buttons": _of_buttons(buttons),
    }
    if not errors["body"]:
        errors |= _of_samples(body, samples)
    wrong = {field: said for field, said in errors.items() if said}
    if wrong:
        raise BadTemplate(wrong)
    actions = [{"type": "QUICK_REPLY", "title": button, "id": button} for button in buttons]
    return Template(
        sid="",
        name=name,
        language=language,
        content_type="twilio/quick-reply" if actions else "twilio/text",
        body=body,
        extras={"actions": actions} if actions else {},
        variables=samples,
        category=category,
    )


def of_handing_in(name: str, category: str) -> dict[str, list[str]]:
    """What is wrong with what is given anew where a template that is there already is handed in, by field."""
    errors = {"name": _of_name(name), "category": of_category(category)}
    return {field: said for field, said in errors.items() if said}


def of_category(category: str) -> list[str]:
    """What is wrong with a category."""
    return [] if category in CATEGORIES else ["Choose Utility or Marketing."]


def _of_name(name: str) -> list[str]:
    if not name:
        return ["Give the template a name."]
    if not _NAME.fullmatch(name):
        return ["Only small letters a to z, digits and _: order_update, for instance."]
    return [f"At most {LONGEST_NAME} characters."] if len(name) > LONGEST_NAME else []


def _of_body(body: str) -> list[str]:
    if not body:
        return ["Write what is sent."]
    said = []
    if len(body) > LONGEST_BODY:
        said.append(f"{len(body)} characters, and WhatsApp takes {LONGEST_BODY}.")
    found = list(_VARIABLE.finditer(body))
    odd = next((one[0] for one in found if not _NUMBER.fullmatch(one[1])), "")
    if odd:
        said.append(f"Variables are numbers: {{{{1}}}}, {{{{2}}}} and so on, not {odd}.")
    elif "{{" in _VARIABLE.sub("", body) or "}}" in _VARIABLE.sub("", body):
        said.append("A variable is a number between two braces on each side: {{1}}.")
    else:
        said += _of_numbers(sorted({int(one[1]) for one in found}))
    if found and (found[0].start() == 0 or found[-1].end() == len(body)):
        said.append("WhatsApp takes no variable at the very start or end: put words before and after it.")
    pairs = itertools.pairwise(found)
    if any(not body[one.end() : other.start()].strip() for one, other in pairs):
        said.append("WhatsApp takes no two variables side by side: put words between them.")
    return said


def _of_numbers(numbers: Sequence[int]) -> list[str]:
    missing = next((at for at, number in enumerate(numbers, start=1) if number != at), None)
    if missing is not None:
        return [f"Variables are numbered without holes, and {{{{{missing}}}}} is missing."]
    if len(numbers) > MOST_VARIABLES:
        return [f"At most {MOST_VARIABLES} variables: WhatsApp refuses what is hardly more than them."]
    return []


def _of_samples(body: str, samples: Mapping[str, str]) -> dict[str, list[str]]:
    numbers = sorted({found[1] for found in _VARIABLE.finditer(body)}, key=int)
    errors = {}
    for number in numbers:
        sample = samples.get(number, "")
        if not sample:
            errors[f"variables.{number}"] = [f"Give {{{{{number}}}}} a sample: WhatsApp looks at the text with it."]
        elif len(sample) > LONGEST_SAMPLE:
            errors[f"variables.{number}"] = [f"At most {LONGEST_SAMPLE} characters for the sample of {{{{{number}}}}}."]
    if samples.keys() - set(numbers):
        errors["variables"] = [f"There are more samples than variables: the text has {len(numbers) or 'none'}."]
    return errors


def _of_buttons(buttons: Sequence[str]) -> list[str]:
    said = []
    if len(buttons) > MOST_BUTTONS:
        said.append(f"At most {MOST_BUTTONS} buttons.")
    if any(len(button) > LONGEST_BUTTON for button in buttons):
        said.append(f"A button has at most {LONGEST_BUTTON} characters.")
    if len({button.casefold() for button in buttons}) < len(buttons):
        said.append("Each button has words of its own.")
    if any("{{" in button for button in buttons):
        said.append("A button has no variables.")
    return said
