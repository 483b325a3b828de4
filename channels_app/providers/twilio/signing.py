"""X-Twilio-Signature: base64 of HMAC-SHA1 with the account's auth token (twilio.com/docs/usage/security).

Signed is the address as Twilio was given it, with its query, and after it every parameter of the form, sorted by name,
name and value without anything between. A body that is no form is signed by its SHA-256 in the query (`bodySHA256`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit, urlunsplit

from channels_app.providers.base import InboundRequest, SignatureInvalid, same

HEADER = "x-twilio-signature"
# Says that something else than the auth token signed.
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
MOST_FIELDS = 500
FORM = "application/x-www-form-urlencoded"

Pairs = list[tuple[bytes, bytes]]


def fields(body: bytes) -> Pairs:
    """The parameters of a form as bytes, in the order they came; ValueError where there are too many."""
    if body.count(b"&") >= MOST_FIELDS:
        raise ValueError("too many fields")
    pairs = [piece.partition(b"=") for piece in body.split(b"&") if piece]
    return [(_plain(name), _plain(value)) for name, _, value in pairs]


def text(raw: bytes) -> str:
    """A field as text that can be stored: what is no UTF-8, and NUL, is replaced."""
    return raw.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def form(request: InboundRequest) -> dict[str, str]:
    """The parameters of a form by their names; nothing of a body that is none."""
    if request.content_type != FORM:
        return {}
    return {text(name): text(value) for name, value in fields(request.body)}


def _plain(encoded: bytes) -> bytes:
    return unquote_to_bytes(encoded.replace(b"+", b" "))


def signature(token: str, url: str, pairs: Pairs) -> str:
    """The signature of a request to `url`; of a name that comes again, each value counts once."""
    signed = url.encode() + b"".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token.encode(), signed, hashlib.sha1).digest()).decode()


def forms_of(url: str) -> Iterator[str]:
    """The address without its port, and with it: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    port = parts.port or (443 if parts.scheme in {"https", "wss"} else 80)
    for netloc in (name, f"{name}:{port}"):
        yield urlunsplit(parts._replace(netloc=netloc))


def handshake_forms_of(url: str) -> Iterator[str]:
    """A socket's address as it stands in TwiML (`wss://`), and as a request's, each with and without a last slash.

    Twilio documents the first form; the others are met in the field.
    """
    scheme, _, rest = url.partition("://")
    is_secure = scheme in {"https", "wss"}
    path, question, query = rest.partition("?")
    for one in ("wss", "https") if is_secure else ("ws", "http"):
        for ending in (path.rstrip("/"), path.rstrip("/") + "/"):
            yield from forms_of(f"{one}://{ending}{question}{query}")


def verify_handshake(tokens: Sequence[str], request: InboundRequest) -> None:
    """As `verify`, for the GET that opens a socket: it carries no parameters."""
    verify(tokens, request, handshake_forms_of)


def verify(tokens: Sequence[str], request: InboundRequest, forms: Callable[[str], Iterable[str]] = forms_of) -> None:
    """Raise `SignatureInvalid` unless one of the auth tokens signed this request, at a form of its address."""
    keys = [token for token in tokens if token]
    if not keys:
        raise SignatureInvalid(
            "no_secret", "The connection's auth token is missing: write it under Workspace, Secrets."
        )
    given = request.headers.get(HEADER, "")
    if not given:
        raise SignatureInvalid("headers_missing", "The request lacks X-Twilio-Signature.")
    settings = request.headers.get(SETTINGS_HEADER, "")
    if settings and "HMAC_SHA1" not in settings:
        raise SignatureInvalid(
            "signature_of_another_kind",
            "Twilio signed with a shared key. Have it sign with the account's auth token.",
        )
    pairs = _signed_fields(request)
    is_good = False
    for key in keys:
        for url in forms(request.url):
            is_good |= same(signature(key, url, pairs), given)
    if not is_good:
        raise SignatureInvalid(
            "signature_wrong",
            f"It does not fit {request.url[:300]} with this connection's auth token. Twilio must be given exactly "
            "that address, and the token must be the account's primary one.",
        )


def _signed_fields(request: InboundRequest) -> Pairs:
    """The parameters that take part; none of a body that the query vouches for."""
    vouched = parse_qs(urlsplit(request.url).query).get("bodySHA256")
    if vouched and request.content_type != FORM:
        if not same(hashlib.sha256(request.body).hexdigest(), vouched[0]):
            raise SignatureInvalid("body_changed", "The body is not the one whose SHA-256 stands in the address.")
        return []
    if request.body and request.content_type != FORM:
        raise SignatureInvalid("not_a_form", "The body is no form, and no bodySHA256 in the address vouches for it.")
    try:
        return fields(request.body)
    except ValueError:
        raise SignatureInvalid("too_many_fields", f"The form has more than {MOST_FIELDS} fields.") from None
