"""Text from strangers: what is taken, and that nothing in it ever becomes active on our pages."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoship.templatetags.console import without_marks
from deployments.safe_text import TextRefused, clean_text, render_markdown, spoken

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '<img src="x` `<script>alert(1)</script>"` `>',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text y=20>x</text></a></svg>',
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<math href="javascript:alert(1)">x</math>',
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a style='position:fixed;inset:0' href='https://evil.example'>x</a>",
    "<style>@import '//evil.example/x.css'</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
    "<base href=javascript:alert(1)//>",
    "<template><script>alert(1)</script></template>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<textarea><p title="</textarea><img src=x onerror=alert(1)>">',
    "<!--<img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<x onclick=alert(1)>x</x>",
    "<p/onmouseover=alert(1)>x",
    "<div id=location name=cookie>x</div>",
    "<<script>alert(1);//<</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](java&#x09;script:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&#58;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](\u200bjavascript:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://example.com/1)",
    "[x](//evil.example)",
    "[x](/app/workspace/delete)",
    "[x](#top)",
    "[x](?logout)",
    "[x](https:\\\\evil.example)",
    "[x](http:javascript:alert(1))",
    "[x](%6aavascript:alert(1))",
    '[x](https://a.example "onmouseover=alert(1) x=")',
    "[x](https://a.example/'onmouseover=alert(1))",
    '[x](https://a.example/"onmouseover="alert(1))',
    "[x](https://a.example/<script>alert(1)</script>)",
    "[<img src=x onerror=alert(1)>](https://a.example)",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "[1]: https://a.example 'onload=alert(1)'\n\n[1]",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '<https://a.example/"onclick=alert(1)>',
    "![x](javascript:alert(1))",
    "![x](https://evil.example/track.png)",
    '![x](x" onerror="alert(1))',
    "```\n</code></pre><script>alert(1)</script>\n```",
    '```"><img src=x onerror=alert(1)>\nx\n```',
    "```html onload=alert(1)\n<b>\n```",
    "`</code><script>alert(1)</script>`",
    "**<b onclick=alert(1)>x**",
    "- <img src=x onerror=alert(1)>",
    "# <script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "\\<script>alert(1)\\</script>",
    "\x00<script>alert(1)</script>",
    "\ud83d<script>alert(1)</script>\udc00",
    "<\x0bscript>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "{{constructor.constructor('alert(1)')()}}",
    "{% load x %}{{ settings.SECRET_KEY }}",
]

TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li"}


class Reader(HTMLParser):
    """Notes everything that a browser would make an element or an attribute of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.other: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


def assert_harmless(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.other == []
    for tag, attributes in reader.found:
        assert tag in TAGS
        if tag == "a":
            assert set(attributes) == {"href", "rel", "target"}
            address = attributes["href"] or ""
            assert address.lower().startswith(("https://", "http://", "mailto:", "tel:"))
            assert all(char > " " for char in address)
            assert attributes["rel"] == "noopener noreferrer nofollow"
            assert attributes["target"] == "_blank"
        elif tag == "ol":
            assert set(attributes) <= {"start"}
        else:
            assert attributes == {}
    html.encode()


def test_the_corpus_is_large_enough() -> None:
    assert len(set(ATTACKS)) >= 90


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_message_becomes_active(attack: str) -> None:
    for text in (attack, f"a {attack} b", f"**{attack}**", f"- {attack}", f"[{attack}](https://a.example)", attack * 3):
        assert_harmless(render_markdown(text))


@given(
    st.lists(st.sampled_from([*ATTACKS, *"<>[]()`*_~#-!\"'&;:/\\ \n\t", "https://a.example"]), max_size=12).map("".join)
)
def test_no_mixture_of_attacks_becomes_active(text: str) -> None:
    assert_harmless(render_markdown(text))


@given(st.text())
def test_any_text_can_be_rendered(text: str) -> None:
    assert_harmless(render_markdown(text))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "<p>plain</p>\n"),
        ("**bold** and *italic*", "<p><strong>bold</strong> and <em>italic</em></p>\n"),
        ("~~gone~~", "<p><s>gone</s></p>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        ("```js\na < b\n```", "<pre><code>a &lt; b\n</code></pre>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("# Big", "<p><strong>Big</strong></p>\n"),
        ("5 < 6 & 7", "<p>5 &lt; 6 &amp; 7</p>\n"),
        ("<b>no</b>", "<p>&lt;b&gt;no&lt;/b&gt;</p>\n"),
        ("", ""),
    ],
)
def test_the_small_subset_is_shown(text: str, html: str) -> None:
    assert render_markdown(text) == html


@pytest.mark.parametrize(
    "address", ["https://a.example/x?y=1&z=2", "http://a.example", "mailto:a@b.example", "tel:+49301"]
)
def test_links_open_elsewhere_and_say_nothing_of_us(address: str) -> None:
    html = render_markdown(f"[here]({address})")
    assert f'href="{address.replace("&", "&amp;")}"' in html
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize(
    "piece", ["[", "*", "`", "**a ", "[a](", "- ", "> ", "<", "![", "_a*", "&", "1. ", "~~a", "<a@", "`a`a"]
)
def test_a_long_message_is_rendered_quickly(piece: str) -> None:
    start = time.process_time()
    render_markdown((piece * 8000)[:8000])
    assert time.process_time() - start < 1


def test_good_text_is_taken_with_line_ends_made_alike() -> None:
    assert clean_text("a\r\nb\rc\nd 🙂") == "a\nb\nc\nd 🙂"
    assert clean_text("") == ""
    assert clean_text("ä" * 8000) == "ä" * 8000
    assert clean_text("🙂" * 8000) == "🙂" * 8000


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a\x00b", "invalid"),
        ("\ud800", "invalid"),
        ("a\udfff", "invalid"),
        (None, "invalid"),
        (b"bytes", "invalid"),
        ("x" * 8001, "payload_too_large"),
        ("x" * 1_000_000, "payload_too_large"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_code_and_words(value: object, code: str) -> None:
    with pytest.raises(TextRefused) as refused:
        clean_text(value)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_taken_can_be_stored_and_sent(value: str) -> None:
    try:
        taken = clean_text(value)
    except TextRefused:
        return
    assert "\x00" not in taken
    assert len(taken.encode()) <= 32 * 1024


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("**bold** and _it_ ~~x~~ `code`", "bold and it x code"),
        ("# Head\n\npara\nline two", "Head\npara\nline two"),
        ("1. one\n2. two\n\n- a\n- b", "1. one\n2. two\na\nb"),
        ("[our page](https://a.example/x), <https://b.example>", "our page, https://b.example"),
        ("2 * 3 * c_d_e", "2 * 3 * c_d_e"),
        ("```\ncode\n\nx\n```", "code\nx"),
        ("&amp; \\*x\\*", "& *x*"),
        ("<b>x</b> \ud800", "<b>x</b> \N{REPLACEMENT CHARACTER}"),
        ("", ""),
    ],
)
def test_spoken_words_have_no_marks(text: str, words: str) -> None:
    assert spoken(text) == words


@given(st.text())
def test_saying_a_text_never_fails(text: str) -> None:
    spoken(text)


def test_a_preview_loses_the_signs_of_markdown_and_no_part_of_a_word() -> None:
    assert without_marks("**fault** _too_many_ of __snake_case__\n- `a_b`") == "fault too_many of snake_case a_b"
