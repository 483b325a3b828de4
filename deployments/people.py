"""Who a visitor is: what a page claims of them, what a `user_token` proves, and which conversations are theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from convoship.lib import names, rows, same_number
from convoship.lib.problems import Problem
from deployments import blocking, identity
from deployments.identity import Verified
from deployments.known_by import identities_of
from deployments.models import Conversation, Deployment, Identity, Person
from deployments.models.conversation import Channel


def verified_of(deployment: Deployment, user: Mapping[str, Any], user_token: str) -> Verified | None:
    """What the token proves, None without one; 403 where it is bad, another user's, or required and missing."""
    if not user_token:
        if deployment.identity_required and user:
            raise identity.refused(
                "missing",
                "This deployment requires verified identity, and the page names its user without a user_token.",
                hint="Pass userToken beside user, or name no user.",
            )
        return None
    verified = identity.verify(deployment, user_token)
    if (user.get("id") or verified.external_id) != verified.external_id:
        raise identity.refused(
            "another_user", "user.id is not the sub of user_token.", hint="Send the same id in both."
        )
    if (user.get("email") or verified.email) != verified.email:
        raise identity.refused(
            "another_user",
            "user.email is not the email of user_token.",
            hint="Put the e-mail address into the token, where it is proved.",
        )
    return verified


def person_of(visitor_id: str, user: Mapping[str, Any], verified: Verified | None, *, is_test: bool = False) -> Person:
    """The person of a new conversation.

    A verified one is found by what was proved, in whichever browser. Anybody else is who this browser was before, or
    new: what they say of themselves is noted, and opens nothing. Held until the transaction ends, so that they are
    not merged away meanwhile; 403 for who is blocked.
    """
    if verified is not None:
        known = _verified_person(verified)
        blocking.require_free(known)
        return known
    name, email = user.get("name", ""), user.get("email", "")
    person = None
    if visitor_id and not is_test:
        unproved = Person.objects.select_for_update(no_key=True).filter(visitor_id=visitor_id, external_id=None)
        person = _who_it_is_now(unproved.order_by("-created_at").first())
    if person is not None:
        blocking.require_free(person)
    # Another address on the same device is somebody else: their past keeps its name.
    if person is None or (_is_another(person, email) and email not in _emails_of_merged(person)):
        person = Person(visitor_id="" if is_test else visitor_id, name=name, email=email)
        rows.insert([person])
    else:
        _note(person, name, email)
    return person


def _is_another(person: Person, email: str) -> bool:
    return bool(email and person.email) and email != person.email


def _emails_of_merged(person: Person) -> set[str]:
    """By which addresses those were known who were merged into them, and into those: members say that they are one."""
    found, new = set(), [person.id]
    while new:
        merged = list(Person.objects.filter(merged_into__in=new).values_list("id", "email"))
        new = [person_id for person_id, _ in merged]
        found |= {email for _, email in merged}
    return found


def _who_it_is_now(person: Person | None) -> Person | None:
    """Whom they were merged into. Not somebody who is proved: being at the same browser proves nothing."""
    while person is not None and person.merged_into_id is not None:
        person = Person.objects.select_for_update(no_key=True).filter(id=person.merged_into_id).first()
    return None if person is None or person.external_id is not None else person


def person_at(known_by: Sequence[tuple[str, str]], user: Mapping[str, Any]) -> Person:
    """Who is at an address of a channel, known by (kind, value) of identities, the surest first; new where by none.

    What they are not known by yet is noted, unless it is somebody else's; so is what is said of them.
    """
    name, email = names.shown(str(user.get("name", "")))[:100], str(user.get("email", ""))[:254]
    try:
        with transaction.atomic():
            return _person_at(known_by, name, email)
    except IntegrityError:
        # Their first message over another connection came at the same moment.
        return _person_at(known_by, name, email)


def _person_at(known_by: Sequence[tuple[str, str]], name: str, email: str) -> Person:
    found = {(one.kind, same_number.key(one.value)): one.person for one in identities_of(known_by, lock=True)}
    keys = [(kind, same_number.key(value)) for kind, value in known_by]
    person = next((found[key] for key in keys if key in found), None)
    if person is None:
        person = Person.objects.create(name=name, email=email)
    else:
        _note(person, name, email)
    for kind, value in known_by:
        if (kind, same_number.key(value)) not in found:
            Identity.objects.create(person=person, kind=kind, value=value)
    return person


def _verified_person(verified: Verified) -> Person:
    proved = Person.objects.select_for_update(no_key=True).filter(external_id=verified.external_id)
    known = proved.first()
    if known is None:
        said = {"name": verified.name, "email": verified.email}
        try:
            with transaction.atomic():
                return Person.objects.create(
                    external_id=verified.external_id,
                    verified_at=timezone.now(),
                    known_by={field: "token" for field, value in said.items() if value},
                    **said,
                )
        except IntegrityError:
            # Another session of theirs began at the same moment.
            known = proved.get()
    _note(known, verified.name, verified.email, is_proved=True)
    return known


def _note(person: Person, name: str, email: str, *, is_proved: bool = False) -> None:
    """What is said of them. What a member wrote, or a token proved, stays unless a token proves otherwise.

    So does what they are called, where it is said under the address of somebody who was merged into them.
    """
    if not is_proved and _is_another(person, email) and email in _emails_of_merged(person):
        return
    changed = False
    for field, value in (("name", name), ("email", email)):
        if not value or (not is_proved and field in person.known_by):
            continue
        if getattr(person, field) != value or (is_proved and person.known_by.get(field) != "token"):
            setattr(person, field, value)
            person.known_by = {**person.known_by, **({field: "token"} if is_proved else {})}
            changed = True
    if changed:
        person.save(update_fields=["name", "email", "known_by"])


def may_go_on(conversation: Conversation, user: Mapping[str, Any], verified: Verified | None) -> bool:
    """Whether this conversation may be resumed: not where the page now proves, or names, somebody else."""
    known_id = conversation.person.external_id or conversation.visitor_data.get("id")
    asked_id = verified.external_id if verified else user.get("id")
    if known_id and asked_id:
        return bool(known_id == asked_id)
    known_email, asked_email = conversation.visitor_data.get("email"), user.get("email")
    return not known_email or not asked_email or known_email == asked_email


def is_surely(conversation: Conversation) -> bool:
    """Whether its person is who was known before: proved, or at an address of theirs; browsers have several users."""
    return conversation.person.external_id is not None or conversation.channel != Channel.WEB


def claims_of(user: Mapping[str, Any], verified: Verified | None) -> dict[str, Any]:
    """What a conversation keeps of what the page says of its user, with what was proved on top."""
    proved = {} if verified is None else {"id": verified.external_id, "name": verified.name, "email": verified.email}
    return {**user, **{name: value for name, value in proved.items() if value}}


def identify(conversation: Conversation, user: Mapping[str, Any], verified: Verified | None) -> bool:
    """Say who a running conversation's visitor is.

    An unproved one may become a proved one, once: the conversation then is that person's. A proved one stays who they
    are; another user's token needs a new session, and a claim without proof changes nothing of them. Answers
    whether anything is different now.
    """
    person = conversation.person
    if verified is None:
        if person.external_id is not None:
            _refuse_other_claims(person, user)
        else:
            _note(person, user.get("name", ""), user.get("email", ""))
    elif person.external_id is None:
        conversation.person = _verified_person(verified)
        blocking.require_free(conversation.person)
    elif person.external_id == verified.external_id:
        _note(person, verified.name, verified.email, is_proved=True)
    else:
        raise identity.refused(
            "another_user",
            "This conversation belongs to another user.",
            hint="Call Convoship.logout() first: it begins a new conversation.",
        )
    if verified is not None:
        conversation.proved_as = verified.external_id
    claims = conversation.visitor_data | claims_of(user, verified)
    if claims == conversation.visitor_data and verified is None:
        return False
    conversation.visitor_data = claims
    # Where it is the same person, merging may just be giving the conversation to another.
    is_anothers = conversation.person_id != person.id
    conversation.save(update_fields=["visitor_data", "proved_as", *(["person"] if is_anothers else [])])
    return True


def _refuse_other_claims(person: Person, user: Mapping[str, Any]) -> None:
    other_id = (user.get("id") or person.external_id) != person.external_id
    if other_id or (user.get("email") or person.email) != person.email:
        raise Problem(
            "identity_required",
            "This visitor is verified, so who they are can't be changed without a user_token.",
            hint="Pass userToken to identify().",
            extra={"reason": "missing"},
        )
