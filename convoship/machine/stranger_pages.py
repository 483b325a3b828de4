"""What the stranger's site looks like. Nothing of Convoship's is in these pages but the snippet that was pasted."""

from __future__ import annotations

from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #22261f; --quiet: #5c6357; --line: #dcd9cf; --leaf: #2f5d43;
  --on-leaf: #ffffff; --card: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --paper: #171a16; --ink: #e9ebe4; --quiet: #a6ad9f; --line: #343a31;
  --leaf: #9ccfb0; --on-leaf: #12211a; --card: #1f231d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 Georgia, "Liberation Serif", serif; }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1.25rem 1.5rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: baseline; border-bottom: 1px solid var(--line); }
header a, nav a { color: inherit; text-decoration: none; }
header a:hover, nav a:hover { text-decoration: underline; }
.name { font-size: 1.35rem; font-weight: bold; letter-spacing: .01em; }
nav { display: flex; gap: 1.25rem; color: var(--quiet); }
h1 { font-size: clamp(1.8rem, 5vw, 2.7rem); line-height: 1.15; margin: 1.5rem 0 .5rem; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
p { max-width: 42rem; margin: .5rem 0 1rem; }
.quiet { color: var(--quiet); }
.goods { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1.25rem; margin: 2rem 0;
  padding: 0; list-style: none; }
.goods li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem; }
.goods svg { width: 100%; height: 7rem; color: var(--leaf); }
.price { font-variant-numeric: tabular-nums; color: var(--quiet); margin: 0; }
form { max-width: 46rem; }
label { font-weight: bold; display: block; margin: 1.5rem 0 .4rem; }
textarea { width: 100%; min-height: 14rem; padding: .9rem 1rem; color: inherit; background: var(--card);
  border: 1px solid var(--quiet); border-radius: 10px; resize: vertical;
  font: 14px/1.55 ui-monospace, "Liberation Mono", monospace; }
button { margin-top: .9rem; font: inherit; font-weight: bold; color: var(--on-leaf); background: var(--leaf); border: 0;
  border-radius: 10px; padding: .7rem 1.4rem; cursor: pointer; }
:focus-visible { outline: 3px solid var(--leaf); outline-offset: 2px; }
code { font-size: .9em; }
footer { border-top: 1px solid var(--line); color: var(--quiet); font-size: .9rem; }
"""

_GOODS = (
    (
        "Drift kettle",
        "48",
        "Boils for two on a twig fire.",
        "M20 72h60l-8-36H28zM77 56l14-18M38 36a12 12 0 0 1 24 0",
    ),
    ("Pine tarp, 3 by 3", "89", "Dry through a night of rain.", "M10 72 50 22l40 50zM50 22v50"),
    ("Wool blanket", "120", "Woven an hour from here.", "M22 30h56v44H22zM22 42h56M22 62h56M34 30v44M66 30v44"),
)


def page(title: str, body: str, *, name: str = "Harbour & Pine", last: str = "") -> str:
    """A whole page; `last` stands, as it is, just before the body ends."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,">
</head>
<body>
<header><a class="name" href="/">{escape(name)}</a></header>
<main>
{body}
</main>
<footer>A made-up site on this machine, for trying Convoship's widget on a page that is not Convoship's.</footer>
{last}
</body>
</html>
"""


def box(origin: str) -> str:
    """The front page: a box for a snippet."""
    return page(
        "A stranger's site",
        f"""<h1>A stranger's site</h1>
<p>This is another origin than Convoship's, as your customers' pages are. Paste an embed snippet here, and it runs on a
page of this site exactly as you pasted it.</p>
<p class="quiet">The deployment has to allow this site: its origin is <code>{escape(origin)}</code>.</p>
<form method="post" action="/run">
<label for="snippet">Embed snippet</label>
<textarea id="snippet" name="snippet" required spellcheck="false" autocomplete="off" autocapitalize="off"
placeholder="&lt;script src=&quot;...&quot;&gt;&lt;/script&gt;"></textarea>
<button>Run it on a page</button>
</form>""",
        name="A stranger's site",
    )


def pasted(snippet: str) -> str:
    """A page with somebody's snippet in it, verbatim."""
    return page(
        "A page with your snippet",
        """<h1>Your snippet runs here</h1>
<p>It stands in this page just as you pasted it; the page's source shows it at the end of the body. Reload as often as
you like.</p>
<p><a href="/">Paste another one</a></p>""",
        name="A stranger's site",
        last=snippet,
    )


def shop(snippet: str) -> str:
    """A shop that uses the widget."""
    goods = "\n".join(
        f'<li><svg viewBox="0 0 100 90" fill="none" stroke="currentColor" stroke-width="3" stroke-linejoin="round" '
        f'aria-hidden="true"><path d="{drawing}"/></svg><h2>{name}</h2><p>{words}</p>'
        f'<p class="price">&euro; {price}</p></li>'
        for name, price, words, drawing in _GOODS
    )
    return page(
        "Harbour & Pine",
        f"""<h1>Good things for bad weather</h1>
<p>A small shop by the water. We sell what we take out ourselves, and we mend what we have sold.</p>
<ul class="goods">
{goods}
</ul>
<p class="quiet">Questions about an order? We are in the corner of this page.</p>""",
        last=snippet,
    )


def trouble(title: str, words: str) -> str:
    """A page that says what went wrong."""
    return page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(words)}</p>\n<p><a href='/'>To the front page</a></p>")
