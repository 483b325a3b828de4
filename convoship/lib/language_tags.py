"""Language tags as browsers and channels send them: what is one, and what of it may stand in a sentence of ours."""

from __future__ import annotations

import re

LONGEST = 35

# RFC 5646, section 2.1, without the tags that it lists one by one. POSIX writes `_` where it has `-`.
_TAG = re.compile(
    r"""
    (?: (?P<language> [a-z]{2,3} ) (?: -[a-z]{3} ){0,3} | [a-z]{4,8} )
    (?P<script> -[a-z]{4} )?
    (?P<region> -(?: [a-z]{2} | [0-9]{3} ) )?
    (?: -(?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*  # variants
    (?: -[a-wyz0-9] (?: -[a-z0-9]{2,8} )+ )*        # extensions
    (?: -x (?: -[a-z0-9]{1,8} )+ )?                 # what two sides agreed upon
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


def kept(text: str) -> str:
    """The tag as it was sent, where it is one (`de`, `de-AT`, `en_GB`); "" for anything else, which says nothing."""
    tag = text.strip()
    return tag if len(tag) <= LONGEST and _TAG.fullmatch(tag.replace("_", "-")) else ""


def shortened(text: str) -> str:
    """Its language, script and region (`zh-Hant-TW`); "" where there is no language that has a short name.

    A well-formed tag has room for words (`en-reveal-secrets`), so a model is told this.
    """
    found = _TAG.fullmatch(kept(text).replace("_", "-"))
    if found is None or found["language"] is None:
        return ""
    return "".join(found[part] or "" for part in ("language", "script", "region"))
