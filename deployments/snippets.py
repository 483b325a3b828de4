"""What a customer pastes, in the form that their site takes: one script, a component, a plugin's code, a tag.

Each says what it says through the queue, so that it may come before the loader, and does no harm where a browser or a
blocker keeps the loader away. tests/e2e/test_install_snippets.py runs every one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from uuid import UUID

from django.conf import settings

from deployments import deploying, embed_build


@dataclass(frozen=True)
class Variant:
    """One form of the snippet. `where`: what to do with it; `file`: what to call it, where it is a file."""

    key: str
    name: str
    where: str
    code: str
    language: str = "html"
    file: str = ""
    notes: tuple[str, ...] = ()


def variants(assistant_id: UUID, token: str) -> list[Variant]:
    """Every form, the one for most sites first."""
    base = settings.PUBLIC_BASE_URL
    return [
        Variant(
            "async",
            "HTML",
            "Paste it before </body> of each page where the chat should appear.",
            deploying.snippet(assistant_id, token),
            notes=(
                "It loads beside the page and never holds it up.",
                "Your own scripts may call the chat before it is there; where a blocker keeps it away nothing breaks.",
            ),
        ),
        Variant(
            "plain",
            "Plain HTML",
            "For pages that take one simple script. Paste it before </body>.",
            _plain(base, assistant_id, token),
            notes=("The page waits for the script, some 3 kB. Where that matters, take the first form.",),
        ),
        Variant(
            "pinned",
            "HTML, pinned",
            "For sites that want every script's integrity checked. Paste it before </body>.",
            _pinned(base, assistant_id, token),
            notes=(
                "The browser runs this very version of the loader and no other.",
                "An update of Convoship leaves it where it is, and what it brings comes with the form shown here then.",
                "The loader checks nothing of what it loads later: the chat itself comes from the same server.",
            ),
        ),
        Variant(
            "react",
            "React",
            "Save it as a file, and put <Convoship /> once into your app, beside the router.",
            _react(base, assistant_id, token),
            language="jsx",
            file="Convoship.jsx",
            notes=("The chat goes when the component does, and comes back with it, also under StrictMode.",),
        ),
        Variant(
            "vue",
            "Vue",
            "Save it as a file, and put <Convoship /> once into App.vue.",
            _vue(base, assistant_id, token),
            language="vue",
            file="Convoship.vue",
            notes=("Vue 3. The chat goes when the component does, and comes back with it.",),
        ),
        Variant(
            "wordpress",
            "WordPress",
            "Put it at the end of functions.php of your child theme, or into a plugin for code snippets.",
            _wordpress(assistant_id, token),
            language="php",
            file="functions.php",
            notes=(
                "Without access to PHP, paste the HTML form into a Custom HTML block or widget that every page has.",
                "Optimisers that delay scripts until the first touch delay the chat too: exclude /embed/v1.js.",
            ),
        ),
        Variant(
            "gtm",
            "Google Tag Manager",
            "New tag, Custom HTML, trigger All Pages. Leave “Support document.write” off.",
            _tag(base, assistant_id, token),
            notes=(
                "A tag that fires again, as on history changes, makes no second chat.",
                "Blockers that keep Tag Manager away keep the chat away too; the HTML form reaches more visitors.",
            ),
        ),
    ]


def inline_scripts(code: str) -> list[str]:
    """The inline scripts of an HTML form, as a policy's hashes are made of them."""
    return [part.partition("</script>")[0] for part in code.split("<script>")[1:]]


def _init(assistant_id: UUID, token: str, indent: int) -> str:
    """The argument of `init`, on lines of its own."""
    lines = [
        f"agentId: '{assistant_id}',",
        f"token: '{token}',",
        "channel: 'web',",
        f"apiUrl: '{settings.PUBLIC_BASE_URL}',",
    ]
    space = " " * indent
    return "{\n" + "".join(f"{space}  {line}\n" for line in lines) + space + "}"


def _plain(base: str, assistant_id: UUID, token: str) -> str:
    return (
        f'<script src="{base}{embed_build.LOADER}"></script>\n'
        f"<script>\n  window.ConvoshipQueue && ConvoshipQueue.push(['init', "
        f"{_init(assistant_id, token, 2)}]);\n</script>\n"
    )


def _pinned(base: str, assistant_id: UUID, token: str) -> str:
    build = embed_build.build()
    return (
        "<script>window.ConvoshipQueue = window.ConvoshipQueue || [];</script>\n"
        f'<script src="{base}{embed_build.pinned_path(build.mark)}"\n'
        f'  integrity="{build.integrity}"\n'
        '  crossorigin="anonymous" async></script>\n'
        f"<script>\n  ConvoshipQueue.push(['init', {_init(assistant_id, token, 2)}]);\n</script>\n"
    )


def _react(base: str, assistant_id: UUID, token: str) -> str:
    return dedent(
        """\
            import { useEffect } from 'react';

            const SCRIPT = '%s';

            export function Convoship() {
              useEffect(() => {
                window.ConvoshipQueue = window.ConvoshipQueue || [];
                if (!document.querySelector(`script[src="${SCRIPT}"]`)) {
                  const script = document.createElement('script');
                  script.src = SCRIPT;
                  script.async = true;
                  document.head.append(script);
                }
                window.ConvoshipQueue.push(['init', %s]);
                return () => {
                  window.ConvoshipQueue.push(['destroy']);
                };
              }, []);
              return null;
            }
            """
    ) % (base + embed_build.LOADER, _init(assistant_id, token, 4))


def _vue(base: str, assistant_id: UUID, token: str) -> str:
    return dedent(
        """\
            <script>
            const SCRIPT = '%s';

            export default {
              mounted() {
                window.ConvoshipQueue = window.ConvoshipQueue || [];
                if (!document.querySelector(`script[src="${SCRIPT}"]`)) {
                  const script = document.createElement('script');
                  script.src = SCRIPT;
                  script.async = true;
                  document.head.append(script);
                }
                window.ConvoshipQueue.push(['init', %s]);
              },
              unmounted() {
                window.ConvoshipQueue.push(['destroy']);
              },
              render: () => null,
            };
            </script>
            """
    ) % (base + embed_build.LOADER, _init(assistant_id, token, 4))


def _wordpress(assistant_id: UUID, token: str) -> str:
    return "add_action( 'wp_footer', function () {\n\t?>\n" + deploying.snippet(assistant_id, token) + "\t<?php\n} );\n"


def _tag(base: str, assistant_id: UUID, token: str) -> str:
    # Tag Manager takes ECMAScript 5 and no more.
    return dedent(
        """\
            <script>
            (function () {
              var address = '%s';
              window.ConvoshipQueue = window.ConvoshipQueue || [];
              if (document.querySelector('script[src="' + address + '"]')) return;
              window.ConvoshipQueue.push(['init', %s]);
              var script = document.createElement('script');
              script.src = address;
              script.async = true;
              document.head.appendChild(script);
            })();
            </script>
            """
    ) % (base + embed_build.LOADER, _init(assistant_id, token, 2).replace(",\n  }", "\n  }"))
