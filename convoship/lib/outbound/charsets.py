"""Which encodings of text are read: those of the web.

Python knows more of them. `punycode` takes minutes over a megabyte, and `utf-7` or `unicode_escape` write halves of
surrogate pairs, which nothing that comes after can store or show.
"""

from __future__ import annotations

import codecs
import re

_OF_THE_WEB = re.compile(
    r"utf-?8|utf-?16(?:-?[lb]e)?|us-ascii|ascii|latin-?1|iso-?8859-?[0-9]{1,2}(?:-[ei])?|(?:windows|cp)-?125[0-8]"
    r"|windows-874|tis-620|koi8-[ru]|macintosh|ibm866|gb2312|gbk|gb18030|big5(?:-hkscs)?|euc-(?:jp|kr)|iso-2022-jp"
    r"|shift[-_]?jis|sjis",
    re.ASCII,
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE | re.ASCII)


def known(label: str) -> str | None:
    """The encoding by this name; None where it is none of the web's."""
    name = label.strip().lower()
    if not _OF_THE_WEB.fullmatch(name):
        return None
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def named_in(text: str) -> str | None:
    """The encoding that a `Content-Type`, or the first characters of a page, name (`charset=...`)."""
    found = _CHARSET.search(text)
    return known(found[1]) if found else None
