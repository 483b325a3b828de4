"""A web page as it was sent, taken apart: its scripts in order, its policies, and what its scripts say to the widget.

Nothing is run. What a page's own scripts would put into it is looked for in their text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from convoship.lib.outbound import Fetched
from deployments import csp, embed_build, origins, page_markup
from deployments.csp import Policy
from deployments.page_markup import Tag

# What a browser runs; any other `type` is data, or a script that a consent manager holds back.
_JAVASCRIPT = re.compile(r"|module|(?:text|application)/(?:x-)?(?:java|ecma)script(?:\s*;.*)?", re.IGNORECASE)
_LOADER_PATH = re.compile(r"/embed/v1(?:\.[0-9a-f]{32})?\.js")
_LOADER_URL = re.compile(r"https?:(?:\\?/){2}[^\s'\"`<>\\]{1,300}(?:\\?/)embed(?:\\?/)v1(?:\.[0-9a-f]{32})?\.js")
_INIT = re.compile(r"\[\s*['\"`]init['\"`]\s*,|\bConvoship\.init\s*\(")
_QUEUE = re.compile(r"ConvoshipQueue\s*(?:=|\|\|)")
_TOKEN = re.compile(r"\bc(?:dp|pt|st|sk)_[0-9A-Za-z]{8}(?:_PASTE_YOUR_TOKEN|[0-9A-Za-z]*)")
_OPTION = r"\b{}['\"]?\s*:\s*['\"`]([^'\"`]*)['\"`]"
_AGENT = re.compile(_OPTION.format("agentId"))
_API = re.compile(_OPTION.format("apiUrl"))
_TAG_MANAGER = re.compile(r"googletagmanager\.com/gtm\.js|googletagmanager\.com/gtm\.js\?id=")


@dataclass(frozen=True)
class Script:
    """One script of the page. `src` is absolute, "" for an inline one; `place` counts the page's elements."""

    place: int
    src: str = ""
    text: str = ""
    type: str = ""
    nonce: str = ""
    integrity: str = ""
    has_crossorigin: bool = False
    is_late: bool = False  # async or defer: it runs when it is there, and not in its place

    @property
    def is_run(self) -> bool:
        """Whether a browser runs it."""
        return _JAVASCRIPT.fullmatch(self.type) is not None

    @property
    def is_loader(self) -> bool:
        """Whether it is the widget's own script, of whatever server."""
        return _LOADER_PATH.fullmatch(urlsplit(self.src).path) is not None


@dataclass(frozen=True)
class Said:
    """What a script's text says to the widget. `loaders` are addresses of loaders that it puts into the page."""

    inits: int = 0
    makes_queue: bool = False
    tokens: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page. `url` is where it came from in the end; `reported` are the policies that only report."""

    url: str
    asked: str
    scripts: tuple[Script, ...] = ()
    policies: tuple[Policy, ...] = ()
    reported: tuple[Policy, ...] = ()
    has_password_field: bool = False
    # Whether the loader's address stands anywhere in the source, also where no browser would run it.
    mentions_loader: bool = False
    # Texts of the scripts that the page loads, by address; read only where the page itself doesn't say enough.
    loaded: tuple[tuple[str, str], ...] = field(default=())

    @property
    def origin(self) -> str:
        """The origin that a browser would send from it."""
        return origins.of_url(self.url) or ""

    @property
    def has_tag_manager(self) -> bool:
        """Whether Google Tag Manager may add to it."""
        return any(_TAG_MANAGER.search(script.src or script.text) for script in self.scripts)

    @property
    def loaders(self) -> list[Script]:
        """The loaders in its markup that a browser runs."""
        return [script for script in self.scripts if script.is_loader and script.is_run]

    @property
    def speakers(self) -> list[tuple[Script, Said]]:
        """The inline scripts that say something to the widget."""
        found = [(script, said(script.text)) for script in self.scripts if script.text and script.is_run]
        return [(script, words) for script, words in found if words != Said()]


def said(text: str) -> Said:
    """What a script says to the widget, as far as its text shows it."""
    written = (url.replace("\\/", "/") for url in _LOADER_URL.findall(text))
    loaders = tuple(url for url in dict.fromkeys(written) if is_address(url))
    inits = len(_INIT.findall(text)) if loaders or "ConvoshipQueue" in text or "Convoship.init" in text else 0
    if not inits and not loaders:
        return Said(makes_queue=bool(_QUEUE.search(text)))
    return Said(
        inits=inits,
        makes_queue=bool(_QUEUE.search(text)),
        tokens=tuple(dict.fromkeys(_TOKEN.findall(text))),
        agents=tuple(dict.fromkeys(_AGENT.findall(text))),
        apis=tuple(dict.fromkeys(_API.findall(text))),
        loaders=loaders,
    )


def keys_in(page: Page) -> list[str]:
    """API keys and visitors' tokens that the page shows to everybody."""
    texts = [script.text for script in page.scripts] + [text for _, text in page.loaded]
    found = {token for text in texts for token in _TOKEN.findall(text)}
    return sorted(token for token in found if token.startswith(("csk_", "cst_")) and len(token) == 42)


def read(fetched: Fetched, asked: str) -> Page:
    """The page in an answer."""
    text = page_markup.decoded(fetched.body, "; ".join(fetched.all("content-type")))
    root, based = fetched.url, False
    policies = csp.parse_headers(fetched.all("content-security-policy"))
    scripts, has_password_field = [], False
    for place, tag in enumerate(page_markup.tags(text), start=1):
        given = tag.attributes
        if tag.name == "base" and "href" in given and not based:
            root, based = _absolute(fetched.url, given["href"]) or root, True
        elif tag.name == "script":
            scripts.append(_script(tag, place, root))
        elif tag.name == "meta" and tag.is_in_head and _is_policy(tag):
            policies.append(csp.parse(given.get("content", ""), place="meta", since=place))
        elif tag.name == "input" and given.get("type", "").strip().lower() == "password":
            has_password_field = True
    return Page(
        url=fetched.url,
        asked=asked,
        scripts=tuple(scripts),
        policies=tuple(policy for policy in policies if policy.directives),
        reported=tuple(csp.parse_headers(fetched.all("content-security-policy-report-only"), enforced=False)),
        has_password_field=has_password_field,
        mentions_loader=embed_build.LOADER in text,
    )


def _is_policy(tag: Tag) -> bool:
    return tag.attributes.get("http-equiv", "").strip().lower() == "content-security-policy"


def _script(tag: Tag, place: int, root: str) -> Script:
    given = tag.attributes
    src, kind = given.get("src"), given.get("type", "").strip()
    return Script(
        place=place,
        src=_absolute(root, src.strip()) if src is not None else "",
        text="" if src is not None else tag.text,
        type=kind,
        nonce=given.get("nonce", ""),
        integrity=given.get("integrity", ""),
        has_crossorigin="crossorigin" in given,
        is_late=src is not None and ("async" in given or "defer" in given or kind.lower() == "module"),
    )


def _absolute(root: str, address: str) -> str:
    """The address from `root`; "" for what is none to a browser either."""
    try:
        absolute = urljoin(root, address)
    except ValueError:
        return ""
    return absolute if is_address(absolute) else ""


def is_address(url: str) -> bool:
    """Whether an address can be taken apart: `https://[x/` and `https://a:99999/` stop a browser too."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True
