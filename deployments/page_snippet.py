"""The snippet as it stands on a page: is it ours, whole, once, in order, and whose token does it carry?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from convoship.lib import tokens
from deployments import embed_build, origins
from deployments.findings import Finding, bad, good, note, warn
from deployments.models import Deployment, DeploymentToken
from deployments.page_reading import Page, Said, Script, said


@dataclass(frozen=True)
class Found:
    """The parts of the snippet on a page. `inserted` are loaders that a script puts there, with that script's place."""

    page: Page
    loaders: tuple[Script, ...]
    speakers: tuple[tuple[Script, Said], ...]
    inserted: tuple[str, ...]

    @property
    def is_there(self) -> bool:
        """Whether any of it is."""
        return bool(self.loaders or self.inserted or any(words.inits for _, words in self.speakers))

    @property
    def inits(self) -> int:
        """How often the page starts a chat."""
        return sum(words.inits for _, words in self.speakers)

    @property
    def tokens(self) -> list[str]:
        """The tokens in what it says, in order."""
        return list(dict.fromkeys(token for _, words in self.speakers for token in words.tokens))

    @property
    def agents(self) -> list[str]:
        """The assistants it names."""
        return list(dict.fromkeys(agent for _, words in self.speakers for agent in words.agents))

    @property
    def apis(self) -> list[str]:
        """The servers it names."""
        return list(dict.fromkeys(api.rstrip("/") for _, words in self.speakers for api in words.apis if api))


def find(page: Page) -> Found:
    """The snippet's parts in the page, and in the scripts of its own that were read."""
    speakers = list(page.speakers)
    for address, text in page.loaded:
        words = said(text)
        if words.inits or words.loaders:
            place = next(script.place for script in page.scripts if script.src == address)
            speakers.append((Script(place, src=address), words))
    inserted = tuple(dict.fromkeys(url for _, words in speakers for url in words.loaders))
    return Found(page, tuple(page.loaders), tuple(speakers), inserted)


# --- The loader -----------------------------------------------------------------------------------------------------


def of_loaders(found: Found) -> Iterator[Finding]:
    """Whether the script is there, ours, whole, once, and in the right place."""
    addresses = [script.src for script in found.loaders] + list(found.inserted)
    if not addresses and held_back(found.page):
        yield from held_back(found.page)
        return
    if not addresses:
        yield bad(
            "loader_missing",
            "The page talks to the chat, but the script that brings it is missing.",
            remedy="The snippet was pasted in part. Paste the whole of it.",
        )
        return
    for address in dict.fromkeys(addresses):
        yield from _of_server(found.page, address)
    for script in found.loaders:
        yield from _of_pin(script)
    if not found.inits:
        yield bad(
            "init_missing",
            "The script is there, but nothing tells it which assistant to show.",
            remedy="The snippet was pasted in part, or a content manager took its last script out. Paste all of it.",
        )
    if len(addresses) > 1 or found.inits > 1:
        yield warn(
            "twice",
            "The snippet is on this page more than once. The chat appears once, as the first one says.",
            remedy="Take the others out.",
        )
    yield from _of_order(found)


def held_back(page: Page) -> list[Finding]:
    """The loader is there under a type that browsers don't run."""
    held = [script for script in page.scripts if script.is_loader and not script.is_run]
    return [
        bad(
            "held_back",
            f"The script is there, but as type=“{script.type[:40]}”: browsers don't run that.",
            remedy="A consent manager holds it back until a visitor agrees. If that is not wanted, take the type out.",
        )
        for script in held[:1]
    ]


def _of_server(page: Page, address: str) -> Iterator[Finding]:
    server, own = origins.of_url(address), origins.of_url(settings.PUBLIC_BASE_URL)
    if server == own:
        return
    if server == page.origin:
        yield note("own_server", f"The script comes from the page's own host, {server}; what it is was not compared.")
        return
    yield bad(
        "other_server",
        f"The script comes from {server or address[:100]}, which is not this Convoship ({own}).",
        remedy="Paste the snippet of this page again.",
    )


def _of_pin(script: Script) -> Iterator[Finding]:
    if script.type.lower() == "module":
        yield bad(
            "loader_is_module",
            "The script is loaded with type=“module”, under which it can't find what belongs to it.",
            remedy="Take the type out of its tag.",
        )
    mark = embed_build.pinned_mark(urlsplit(script.src).path)
    kept = embed_build.kept(mark) if mark else None
    if mark and kept is None:
        yield bad(
            "pin_unknown",
            "The page pins a version of the script that this server doesn't have.",
            remedy="Copy the pinned form of the snippet again.",
        )
        return
    if not script.integrity:
        return
    if mark is None:
        yield warn(
            "integrity_on_moving_address",
            "The script has integrity, but its address is the one whose content every update changes: then the browser "
            "refuses it.",
            remedy="Take the pinned form of the snippet, whose address keeps its content.",
        )
    if not script.has_crossorigin:
        yield bad(
            "crossorigin_missing",
            "The script has integrity but no crossorigin: the browser can't check it, and refuses it.",
            remedy="Add it to the script's tag.",
            line='crossorigin="anonymous"',
        )
    right = embed_build.integrity_of(kept if kept is not None else embed_build.build().loader)
    if right not in script.integrity.split():
        yield bad(
            "integrity_differs",
            "The script's integrity is not that of the file: the browser refuses it.",
            remedy="Copy the pinned form of the snippet again.",
            line=f'integrity="{right}"',
        )


def _of_order(found: Found) -> Iterator[Finding]:
    """Whether something may call before there is a queue."""
    if not found.loaders or not found.inits:
        return
    loader = found.loaders[0]
    first = min(script.place for script, words in found.speakers if words.inits)
    if any(words.makes_queue and script.place <= first for script, words in found.speakers):
        return
    if loader.is_late:
        yield warn(
            "no_queue",
            "The script loads beside the page, and nothing holds what the page says until it is there: now and then "
            "the chat stays away.",
            remedy="Put this line before the snippet's scripts.",
            line="<script>window.ConvoshipQueue = window.ConvoshipQueue || [];</script>",
        )
    elif loader.place > first:
        yield bad(
            "wrong_order",
            "The page talks to the chat before the script that brings it.",
            remedy="Put the script with /embed/v1.js first.",
        )


# --- Its token ------------------------------------------------------------------------------------------------------


def of_tokens(deployment: Deployment, found: Found) -> tuple[Deployment, list[Finding]]:
    """Whose token the page carries; and the deployment of this workspace that speaks there, this one if unclear.

    A token of another workspace and one that never was look the same: nothing of others is asked for.
    """
    if not found.inits:
        return deployment, []
    if not found.tokens:
        return deployment, [
            note(
                "token_not_readable",
                "The token is not written out where the chat is started, so it could not be checked.",
                is_unsure=True,
            )
        ]
    spoken_for, findings = deployment, []
    for position, token in enumerate(found.tokens):
        other, finding = of_token(deployment, token, is_asked=position == 0)
        findings.append(finding)
        if other is not None and position == 0:
            spoken_for = other
    return spoken_for, findings


_COPY_AGAIN = "Copy the snippet of this deployment, with its token, and paste it in place of the other."


def of_token(deployment: Deployment, token: str, *, is_asked: bool = True) -> tuple[Deployment | None, Finding]:
    """Whose token this is, if it is this workspace's, and what that means. Inside `tenant()`.

    `is_asked`: the page's chat goes by this token.
    """
    shown = f"{token[: tokens.READABLE_PREFIX_LENGTH]}…"
    if tokens.is_placeholder(token):
        return None, bad(
            "token_placeholder",
            f"The snippet still has the stand-in {token} where the token belongs.",
            remedy="Put the whole token there. If nobody has it any more, rotate it on the Overview tab.",
        )
    if token.startswith("cpt_"):
        return None, bad(
            "token_preview",
            f"The snippet has a preview token ({shown}), which works on Convoship's own pages only, for 15 minutes.",
            remedy=_COPY_AGAIN,
        )
    if not tokens.is_well_formed(token, "cdp"):
        return None, bad(
            "token_malformed",
            f"{shown} is no deployment token: its form or its checksum is wrong. A character may be missing.",
            remedy="Copy the token again, whole.",
        )
    row = DeploymentToken.objects.select_related("deployment").filter(digest=tokens.digest(token)).first()
    if row is None:
        return None, bad(
            "token_unknown",
            f"{shown} is not a token of this workspace. It belongs elsewhere, or was deleted.",
            remedy=_COPY_AGAIN,
        )
    if row.deployment_id != deployment.id:
        return row.deployment, _of_another(row, shown, is_asked)
    if row.is_expired:
        return deployment, bad(
            "token_rotated",
            f"{shown} was replaced when the token was rotated, and has ended.",
            remedy="Paste the snippet with the new token. If nobody has it any more, rotate again.",
        )
    if row.expires_at is not None:
        return deployment, warn(
            "token_ending",
            f"{shown} is the old token: it was rotated, and ends soon.",
            remedy="Paste the snippet with the new token before it does.",
            at=row.expires_at,
        )
    return deployment, good("token_right", f"It carries this deployment's token ({shown}).")


def _of_another(row: DeploymentToken, shown: str, is_asked: bool) -> Finding:
    other = row.deployment
    if other.status == "revoked" or row.is_expired:
        ended = "is revoked" if other.status == "revoked" else "has another token by now"
        return bad(
            "token_of_ended_deployment",
            f"{shown} belongs to another deployment of this workspace, {other.name}, which {ended}.",
            remedy=_COPY_AGAIN,
            deployment_id=other.id,
        )
    return warn(
        "token_of_another_deployment",
        f"{shown} belongs to another deployment of this workspace, {other.name}."
        + (" Origin and policy are looked at for that one." if is_asked else ""),
        remedy="If this page should show the chat of this deployment, paste this deployment's snippet.",
        deployment_id=other.id,
    )


# --- What else it says ----------------------------------------------------------------------------------------------


def of_options(deployment: Deployment, found: Found) -> Iterator[Finding]:
    """Whether assistant and server are the right ones, and whether the deployment lets anybody in at all."""
    if any(agent != str(deployment.assistant_id) for agent in found.agents):
        yield bad(
            "agent_mismatch",
            "The snippet's agentId is not the assistant that this token belongs to.",
            remedy="Put this into the snippet.",
            line=f"agentId: '{deployment.assistant_id}'",
        )
    own = origins.of_url(settings.PUBLIC_BASE_URL)
    others = [api for api in found.apis if origins.of_url(api) != own]
    if others:
        yield bad(
            "other_api",
            f"The snippet talks to {others[0][:100]}, which is not this Convoship.",
            remedy="Put this into the snippet.",
            line=f"apiUrl: '{settings.PUBLIC_BASE_URL}'",
        )
    elif found.page.url.startswith("https://") and not (settings.PUBLIC_IS_HTTPS or settings.PUBLIC_IS_LOCAL):
        yield bad(
            "mixed_content",
            f"The page comes by https and Convoship by http ({own}): browsers don't load one into the other.",
            remedy="Give Convoship an https address (PUBLIC_BASE_URL).",
        )
    if deployment.status != "live":
        remedies = {"revoked": "Make a new deployment.", "paused": "Let it go on.", "expired": "Give it another end."}
        yield bad(
            f"deployment_{deployment.status}",
            f"The deployment {deployment.name} is {deployment.status}, so it lets nobody in.",
            remedy=remedies[deployment.status],
            deployment_id=deployment.id,
        )
