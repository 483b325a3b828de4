"""A model's answers in Chromium: its budget spent, its end broken, and what it writes kept from ever being active."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.deployments.test_safe_text import ATTACKS
from tests.e2e.conftest import Product, Visit
from tests.e2e.test_inbox import live_page
from tests.e2e.thinking import Thinking, running
from tests.models.model_end import Asked, Plan, Refuses, Says, counts


@pytest.fixture(scope="module")
def thinking(product: Product) -> Iterator[Thinking]:
    """A workspace whose model says what a test has it say."""
    with running(product) as thinking:
        yield thinking


@pytest.fixture
def place(thinking: Thinking) -> Iterator[Thinking]:
    """As it was before, whatever the test before this one has done with it."""
    yield thinking
    thinking.model.answers = counts
    thinking.budget()
    thinking.publish(on_failure={"scripted": "never"}, handoff={})


@pytest.fixture
def owner(place: Thinking, new_context: Callable[..., BrowserContext]) -> Page:
    """Its owner's tab."""
    return place.sign_in(new_context(base_url=place.product.base_url))


def test_a_spent_budget_says_when_to_come_back_and_asks_how_to_be_reached(
    place: Thinking, owner: Page, visit: Visit
) -> None:
    place.budget({"measure": "messages", "per": "visitor", "most": 1})
    place.publish(on_failure={"scripted": "never", "person": True}, handoff={"form": ["email"]})
    place.model.asked.clear()
    visitor = visit(place.page).chat()
    visitor.js("ConvoshipQueue.push(['identify', {name: 'Zoe Okafor'}])")
    visitor.ask("One, please", "You said: One, please")
    visitor.say("Another one, please")
    visitor.hears("I can't answer any more of this for now. In ")
    visitor.sees("At which e-mail address can we reach you")
    visitor.say("zoe@a.example")
    visitor.sees("Thank you.")
    assert [asked.said for asked in place.model.asked] == ["One, please"]
    # Somebody else is answered.
    visit(place.page).chat().ask("And me?", "You said: And me?")
    owner.goto(f"/app/deployments/{place.demo['deployment_id']}/budgets")
    standing = owner.get_by_role("region", name="Taken so far")
    expect(standing).to_contain_text("Spent")
    expect(standing).to_contain_text("1 message of 1 message")
    expect(standing).to_contain_text("Zoe Okafor")
    expect(standing).to_contain_text("There is room again from")
    usage = owner.get_by_role("table", name="Usage by visitor")
    expect(usage.get_by_role("link", name="Zoe Okafor")).to_be_visible()
    owner.goto(f"/app/conversations/{visitor.conversation_id}/")
    refused = owner.get_by_role("log", name="Transcript").locator(".line", has_text="Another one, please")
    expect(refused).to_contain_text("The budget of the deployment is spent: 1 message, each visitor a day.")


def test_half_an_answer_that_breaks_off_is_cut_for_both_and_the_next_one_is_whole(
    place: Thinking, owner: Page, visit: Visit
) -> None:
    plans: list[Plan] = [Says(["Half an ", "answer"], cut=1), Refuses(401)]
    place.model.answers = lambda asked: plans.pop(0) if plans else counts(asked)
    place.publish(on_failure={"scripted": "never", "text": {"text": "I can't say just now."}})
    visitor = visit(place.page).chat()
    visitor.ask("Where is my parcel?", "I can't say just now.")
    expect(visitor.heard.nth(1)).to_have_text("Half an")
    expect(visitor.panel.get_by_text("Cut off", exact=True)).to_have_count(1)
    visitor.say("And now?")
    expect(visitor.heard).to_have_count(4)
    with live_page(owner):
        owner.goto(f"/app/conversations/{visitor.conversation_id}/")
    lines = owner.get_by_role("log", name="Transcript").locator(".line")
    expect(lines.filter(has_text="Half an")).to_contain_text("Cut off")
    expect(lines.filter(has_text="Where is my parcel?")).to_contain_text("broke off in the middle of its answer")
    expect(lines.filter(has_text="And now?")).to_contain_text("does not accept the key")
    visitor.ask("Better?", "You said: Better?")


# --- What it writes is a stranger's text ------------------------------------------------------------------------------

# Whose links lead elsewhere than they say, and what would be fetched without a tap.
DISGUISED = [
    "[good.example](https://evil.example/a)",
    "[https://good.example](https://evil.example/b)",
    "[x](https://good.example@evil.example/)",
    "[x](https://good.example:pw@evil.example:8443/)",
    "[x](HTTPS://EVIL.EXAMPLE/C)",
    "[x](<https://evil.example/d>)",
    "[x](https://evil.example/e 'good.example')",
    "[x](\nhttps://evil.example/f)",
    "[**bold**](https://evil.example/g)",
    "**[x](https://evil.example/h)**",
    "[`code`](https://evil.example/i)",
    "[a [b](https://evil.example/j) c](https://good.example/k)",
    "[![x](https://evil.example/l.png)](https://evil.example/m)",
    "![](https://evil.example/n.png)",
    "![x](https://evil.example/o.png 'title')",
    "![x](<https://evil.example/p.png>)",
    "\\[x](https://evil.example/q)",
    "\\![x](https://evil.example/r.png)",
    "[x\\](https://evil.example/s)",
    "[\u202emoc.elpmaxe](https://evil.example/t)",
    "[x](https://\u0435vil.example/u)",
    "[x](https://evil\u3002example/v)",
    "[a`]`](https://evil.example/a1)",
    "[x](\u00a0https://evil.example/a2)",
    "[x](<https://evil.example/a3)",
    "[x](https://evil.example/a4(b)",
    '[x](https://evil.example/a5 "a\\") b',
    "[x](&#104;ttps://evil.example/a6)",
    "[x](https\\://evil.example/a7)",
    "[x](https://evil.example&sol;@good.example/a8)",
    "[x](https://evil.example>)",
    "- [x](https://evil.example/w)",
    "# [x](https://evil.example/x)",
    "[x]\n(https://evil.example/y)",
    "<https://evil.example/z>",
    "https://evil.example/bare",
    "<img src=https://evil.example/1.png>",
    '<img srcset="https://evil.example/2.png 2x">',
    "<svg><image href=https://evil.example/3.png /></svg>",
    "<style>body{background:url(https://evil.example/4.png)}</style>",
    '<link rel="prefetch" href="https://evil.example/5">',
    '<video poster="https://evil.example/6.png"></video>',
]
CORPUS = [*ATTACKS, *DISGUISED]

# Links that don't say where they lead, and elements that no message may have, in the chat and on our pages.
_FOUND = """() => {
  const roots = [document.querySelector("main"), document.querySelector("convoship-widget")?.shadowRoot];
  const of = (where) => roots.filter(Boolean).flatMap((root) => [...root.querySelectorAll(where)]);
  const said = of(".bubble");
  const mute = said.flatMap((bubble) => [...bubble.querySelectorAll("a")])
    .filter((a) => !/^(mailto|tel):/.test(a.href))
    .filter((a) => !/^https?:$/.test(a.protocol) || !a.textContent.toLowerCase().includes(a.hostname));
  const others = said.flatMap((bubble) => [...bubble.querySelectorAll("*")])
    .filter((one) => !one.matches("p, br, strong, em, s, del, code, pre, a, ul, ol, li, span"));
  const handlers = said.flatMap((bubble) => [...bubble.querySelectorAll("*")])
    .filter((one) => [...one.attributes].some(({ name }) => name.startsWith("on") || name === "style"));
  return { links: said.flatMap((it) => [...it.querySelectorAll("a")]).length,
    wrong: [...mute, ...others, ...handlers].map((one) => one.outerHTML) };
}"""


class Watch:
    """What a tab does that no message may have it do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialogs: list[str] = []
        self.hosts: set[str] = set()
        page.on("dialog", self._dialog)
        page.context.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        page.add_init_script("window.hit = 0; window.alert = () => { window.hit += 1; };")

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def is_calm(self) -> int:
        """Nothing has run, nothing was fetched from elsewhere, and each link says its host; how many there are."""
        found = self.page.evaluate(_FOUND)
        assert found["wrong"] == []
        assert self.page.evaluate("window.hit") == 0
        assert self.dialogs == []
        assert {host for host in self.hosts if "example" in host} == set()
        return int(found["links"])


def spread(seed: int) -> list[list[str]]:
    """The corpus in answers that fit, each in pieces of a few letters, so that every payload is split somewhere."""
    choose = random.Random(seed)
    attacks = choose.sample(CORPUS, len(CORPUS))
    answers = []
    for begins in range(0, len(attacks), 45):
        text = "\n\n".join(attacks[begins : begins + 45]) + "\n\nThat is all."
        pieces, at = [], 0
        while at < len(text):
            size = choose.choice([1, 2, 2, 3, 5])
            pieces.append(text[at : at + size])
            at += size
        answers.append(pieces)
    return answers


def test_nothing_that_a_model_writes_becomes_active_wherever_it_is_read(
    place: Thinking, owner: Page, visit: Visit
) -> None:
    answers = spread(7)

    def says(asked: Asked) -> Plan:
        number = asked.said.removeprefix("attack ")
        return Says(answers[int(number)], pause=0.0005) if number.isdigit() else counts(asked)

    place.model.answers = says
    visitor = visit(place.page)
    chat, inbox = Watch(visitor.page), Watch(owner)
    visitor.page.reload()
    visitor.chat()
    with live_page(owner):
        owner.goto(f"/app/conversations/{visitor.conversation_id}/")
    read = owner.get_by_role("log", name="Transcript").locator(".line.ours")
    for number in range(len(answers)):
        visitor.say(f"attack {number}")
        expect(visitor.heard).to_have_count(number + 2)
        expect(visitor.heard.last).to_contain_text("That is all.")
        expect(read.last).to_contain_text("That is all.")
        inbox.is_calm()
    assert chat.is_calm() > 20
    assert inbox.is_calm() > 20
    # What is stored is what was streamed: the next page shows the same.
    before = visitor.heard.all_inner_texts()
    visitor.page.reload()
    visitor.open()
    expect(visitor.heard).to_have_count(len(before))
    assert visitor.heard.all_inner_texts() == before
    chat.is_calm()
    owner.goto("/app/conversations/")
    expect(owner.get_by_role("main")).to_contain_text("That is all.")
    inbox.is_calm()
    # Try it shows it as it is written, and drawn afterwards.
    owner.goto(f"/app/assistants/{place.demo['assistant_id']}/try")
    for number in range(len(answers)):
        owner.get_by_label("What a visitor says").fill(f"attack {number}")
        owner.keyboard.press("Enter")
        expect(owner.locator(f"[data-turn='{number}']")).to_contain_text("That is all.")
    assert inbox.is_calm() > 20
