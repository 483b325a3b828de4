"""A message's Markdown in the form of each channel, word for word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.providers.twilio import texts
from deployments.channel_forms import in_whatsapp, said, whatsapp, written


def marked(text: str) -> str:
    (words,) = in_whatsapp([whatsapp(text)])
    return words


# An answer as models like to write it.
ANSWER = """## Your order

It is **on its way** and should be with you *tomorrow*. You have:

1. the [tracking page (shop.example)](https://shop.example/t?id=7)
2. ~~a refund~~ a voucher

- code: `SPRING_24`
- mail: <mailto:help@shop.example>

```
PARCEL 7
```"""


def test_an_answer_as_plain_text() -> None:
    assert written(ANSWER) == (
        "Your order\n\nIt is on its way and should be with you tomorrow. You have:\n\n"
        "1. the tracking page (https://shop.example/t?id=7)\n2. a refund a voucher\n\n"
        "- code: SPRING_24\n- mail: help@shop.example\n\nPARCEL 7"
    )


def test_an_answer_on_whatsapp() -> None:
    assert marked(ANSWER) == (
        "*Your order*\n\nIt is *on its way* and should be with you _tomorrow_. You have:\n\n"
        "1. the tracking page (https://shop.example/t?id=7)\n2. ~a refund~ a voucher\n\n"
        "- code: `SPRING_24`\n- mail: help@shop.example\n\n```PARCEL 7```"
    )


def test_an_answer_as_it_is_said() -> None:
    assert said(ANSWER) == (
        "Your order.\nIt is on its way and should be with you tomorrow. You have:\n"
        "1. the tracking page, shop.example.\n2. a refund a voucher.\n"
        "code: SPRING_24.\nmail: help@shop.example.\nPARCEL 7"
    )


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("within **30 days**, and it *costs* `5`", "within 30 days, and it costs 5"),
        ("One.\n\nTwo,\nthree.", "One.\n\nTwo,\nthree."),
        ("You can choose:\n\n- tea\n- **coffee**\n\nWhich?", "You can choose:\n\n- tea\n- coffee\n\nWhich?"),
        ("1. first\n2. second", "1. first\n2. second"),
        ("See [our page](https://shop.example/a).", "See our page (https://shop.example/a)."),
        ("[our page (shop.example)](https://shop.example/a)", "our page (https://shop.example/a)"),
        ("[our page (evil.example)](https://shop.example/a)", "our page (evil.example) (https://shop.example/a)"),
        ("<https://shop.example/a>", "https://shop.example/a"),
        ("[write](mailto:a@shop.example) or [call](tel:+43123)", "write (a@shop.example) or call (+43123)"),
        (
            "[write (a_b@shop.example)](mailto:a_b@shop.example) or [call (+43123)](tel:+43123)".replace(
                "(a_", "(a\\_"
            ),
            "write (a_b@shop.example) or call (+43123)",
        ),
        ("[us (xn--bcher-kva.example)](https://bücher.example/)", "us (https://xn--bcher-kva.example/)"),
        ("# Hours\nMo to Fr", "Hours\n\nMo to Fr"),
        ("5 * 3 * 2 = 30_000_000", "5 * 3 * 2 = 30_000_000"),
        ("2*3*4, un**believ**able", "2*3*4, unbelievable"),
        ("https://shop.example/_new_/x, _new_", "https://shop.example/_new_/x, new"),
        ("", ""),
    ],
)
def test_where_there_is_no_markdown_a_message_is_its_words(text: str, plain: str) -> None:
    assert written(text) == plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("***both***", "_*both*_"),
        ("**twice __bold__ here**", "*twice bold here*"),
        ("**two\nlines**", "*two*\n*lines*"),
        ("**[our page](https://shop.example/a)**!", "*our page (https://shop.example/a)*!"),
        # Where WhatsApp takes none, a mark would be seen as it is.
        ("un**believ**able (**really**)", "unbelievable (really)"),
        (r"**2 \* 3**", "2 * 3"),
        ("``a`b`` or `c`", "a`\u200ab or `c`"),
        ("> what you asked", "> what you asked"),
    ],
)
def test_whatsapp_has_marks_of_its_own(text: str, words: str) -> None:
    assert marked(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "5 * 3 * 2 = 30",
        "2*3*4 and snake_case_name",
        "about ~5 km",
        "*.py and *.js",
        "https://shop.example/_new_/*a*?q=~b~",
        "4* hotel, 5* food",
    ],
)
def test_stars_and_underscores_of_names_and_sums_stay_as_they_are(text: str) -> None:
    assert marked(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"\*required\* field", "*\u200arequired* field"),
        (r"the file \_init\_.py", "the file _\u200ainit_.py"),
        (r"\~about\~", "~\u200aabout~"),
        (r"\`x\`", "`\u200ax`"),
        (r"\*a **b**", "*\u200aa *b*"),
        ("`*kept*`", "`*kept*`"),
    ],
)
def test_what_would_turn_into_a_mark_and_is_none_is_kept_from_it(text: str, words: str) -> None:
    assert marked(text) == words


def test_a_mark_is_closed_where_a_text_is_cut_and_opened_anew() -> None:
    bold = " ".join(f"This is sentence {number}." for number in range(120))
    pieces = in_whatsapp(texts.split(whatsapp(f"**{bold}** And more.")))
    assert len(pieces) == 2
    assert pieces[0].startswith("*This is sentence 0.")
    assert pieces[0].endswith(".*")
    assert pieces[1].startswith("*This is sentence ")
    assert pieces[1].endswith(".* And more.")
    code = "\n".join(f"line {number}" for number in range(300))
    pieces = in_whatsapp(texts.split(whatsapp(f"```\n{code}\n```")))
    assert [piece[:7] + piece[-3:] for piece in pieces] == ["```line```"] * len(pieces)
    assert "\n".join(piece.strip("`") for piece in pieces) == code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("**bold** and _it_ ~~x~~ `code`", "bold and it x code"),
        ("See [our page](https://www.shop.example/a?b=c).", "See our page, shop.example."),
        ("[our page (shop.example)](https://shop.example/a)", "our page, shop.example"),
        ("[shop.example](https://shop.example/a) has it", "shop.example has it"),
        ("It is at https://www.shop.example/a/b?c=d, say.", "It is at shop.example, say."),
        ("[call us](tel:+43123)", "call us"),
        ("[call us (+43123)](tel:+43123)", "call us, +43123"),
        ("Choose:\n- tea\n- coffee", "Choose:\ntea.\ncoffee"),
        ("Done \U0001f69a\ufe0f! It is 20 °C", "Done ! It is 20 °C"),
        ("# \u71df\u696d\u6642\u9593\n\u4e5d\u9ede", "\u71df\u696d\u6642\u9593\u3002\n\u4e5d\u9ede"),
        ("Yes", "Yes"),
        ("", ""),
    ],
)
def test_what_is_said_has_no_marks_and_ends_as_sentences_do(text: str, words: str) -> None:
    assert said(text) == words


@given(st.text(alphabet=st.one_of(st.sampled_from("*_~`[]()<>\\#-1. \n\ufdd0\ufdd9ax"), st.characters())))
def test_no_text_fails_or_leaves_a_mark_that_is_none(text: str) -> None:
    written(text)
    said(text)
    pieces = in_whatsapp(texts.split(whatsapp(text), 10))
    assert not any("\ufdd0" <= character <= "\ufdd9" for piece in pieces for character in piece)


@given(st.lists(st.sampled_from(["*", "_", "~", "`", "a", " ", "."]), max_size=12).map("".join))
def test_a_text_without_markdown_has_no_marks_on_whatsapp(text: str) -> None:
    escaped = "".join(f"\\{one}" if one in "*_~`." else one for one in text)
    words = marked(escaped)
    assert words.replace("\u200a", "") == written(escaped)
    # To a reader who is easily pleased: something between two of them that neither begins nor ends in space.
    for mark in map(re.escape, "*_~"):
        assert not re.search(rf"(?<!\w){mark}(?=\S).*\S{mark}(?!\w)", words)
