"""How an origin is written: any spelling of it taken apart into its normal form and its faults, in plain words.

Sources: RFC 6454 section 6.2 and the host parser of the WHATWG URL standard for how browsers write origins; UTS 46 (by
`idna`) for punycode; publicsuffix.org with its private section (by `publicsuffixlist`, data in the wheel) for suffixes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address

import idna
from publicsuffixlist import PublicSuffixList

LONGEST_INPUT = 2048  # a pasted address may be longer than the origin in it
DEFAULT_PORTS = {"http": "80", "https": "443"}
WILDCARD = "https://*."

_INSTEAD = {"ws": "http", "wss": "https", "ftp": "https", "ftps": "https", "sftp": "https"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):[/\\]{2}")
_UNCLEAN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class OriginRefused(ValueError):
    """This can't be an allowed origin. `message` says why and what to do; `suggestion` passes `parse_allowed`."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Parts:
    scheme: str
    host: str
    port: str  # "" for the scheme's own
    faults: tuple[str, ...] = ()  # what was not in normal form, in plain words

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")


def parse(value: str) -> Parts:
    """Any spelling of an origin, taken apart into its normal form and its faults; OriginRefused if it can't be one."""
    text, faults = value.strip(), []
    if text != value:
        faults.append("There is white space around it.")
    if len(text) > LONGEST_INPUT:
        raise OriginRefused("This is too long. Type only the start of the address, such as https://www.example.com.")
    if text.lower() == "null":
        raise OriginRefused("“null” can never be allowed: every sandboxed page and every local file is “null”.")
    if text in ("*", "https://*", "http://*"):
        raise OriginRefused("Not every site can be allowed at once. List each one, such as https://www.example.com.")
    if _UNCLEAN.search(text):
        raise OriginRefused(
            "This looks like several origins. Put each one on a line of its own."
            if text.count("://") > 1
            else "There is a space or an invisible character in it. Type the address again."
        )
    scheme, text = _scheme(text, faults)
    if "\\" in text:
        raise OriginRefused("There is a backslash in it. Type the address again.")
    authority = re.split(r"[/?#]", text, maxsplit=1)[0]
    if "," in authority or ";" in authority:
        raise OriginRefused("This looks like several origins. Put each one on a line of its own.")
    if "@" in authority:
        raise OriginRefused("An origin has no user name: take out the “@” and what stands before it.")
    if text == f"{authority}/":
        faults.append("An origin has no slash at its end.")
    elif text != authority:
        faults.append("An origin ends after the host: a path doesn't belong to it.")
    if authority.startswith("["):
        raise OriginRefused("An IPv6 address can't be listed. Use a host name, or http://localhost with its port.")
    host, colon, port = authority.partition(":")
    kept = port_of(port, scheme)
    if colon and kept != port:
        faults.append(f"The port of {scheme} is left out." if not kept else "A port has no zeros in front.")
    elif colon and not port:
        faults.append("There is a colon but no port.")
    name = _host(host, faults)
    if name.startswith("*."):
        _check_wildcard(name[2:], scheme, kept)
    return Parts(scheme, name, kept, tuple(faults))


def _scheme(text: str, faults: list[str]) -> tuple[str, str]:
    """The scheme, and what stands behind its slashes."""
    found = _SCHEME.match(text)
    if found is None:
        faults.append("The scheme is missing.")
        text = text.removeprefix("//")
        here = re.match(r"(localhost|[0-9.]+)(?![a-z0-9.-])", text, re.IGNORECASE)
        return ("http" if here else "https"), text
    scheme = found[1].lower()
    if scheme in _INSTEAD:
        faults.append(f"The origin of a page never begins with {scheme}://.")
        scheme = _INSTEAD[scheme]
    elif scheme not in DEFAULT_PORTS:
        raise OriginRefused("Only pages that begin with https:// or http:// can be allowed.")
    elif not text.startswith(f"{scheme}://"):
        faults.append("The scheme is written in lower case, with two slashes.")
    return scheme, text[found.end() :]


def port_of(port: str, scheme: str) -> str:
    """The port in normal form, "" for the scheme's own."""
    if not port:
        return ""
    if not re.fullmatch(r"0*[0-9]{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65535:
        raise OriginRefused("The port must be a number from 1 to 65535, as in http://localhost:3000.")
    number = str(int(port))
    return "" if number == DEFAULT_PORTS[scheme] else number


def _host(host: str, faults: list[str]) -> str:
    star, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    if not name.isascii():
        try:
            name = idna.encode(name[:254], uts46=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise OriginRefused("This host name isn't possible. Look for a wrong character in it.") from None
        faults.append("A host is written in punycode, as browsers send it.")
    if name != name.lower():
        faults.append("A host is written in lower case.")
        name = name.lower()
    if name.endswith("."):
        faults.append("There is a dot at the end of the host.")
        name = name[:-1]
    if "*" in name:
        raise OriginRefused("A star can only stand for sub-domains, as in https://*.example.com.")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise OriginRefused("This host name isn't possible. An origin looks like https://www.example.com.")
    if _is_number(name):
        try:
            IPv4Address(name)
        except ValueError:
            raise OriginRefused("An IP address has four numbers from 0 to 255, as in http://192.0.2.10.") from None
    return star + name


def _is_number(name: str) -> bool:
    """Browsers read a host as an IPv4 address as soon as its last label is a number."""
    return re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rpartition(".")[2]) is not None


def _check_wildcard(name: str, scheme: str, port: str) -> None:
    if _is_number(name):
        raise OriginRefused("An IP address has no sub-domains. List it without the star.")
    if _suffixes().is_public(name):
        raise OriginRefused(
            f"*.{name} would let in strangers' sites, since anyone can have a name under {name}. "
            f"Put your own name in front, as in https://*.example.{name}."
        )
    if port:
        raise OriginRefused("An origin with a star has no port. List the origins with a port one by one.")
    if scheme != "https":
        raise OriginRefused("Only https can have a star.", f"{WILDCARD}{name}")


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
