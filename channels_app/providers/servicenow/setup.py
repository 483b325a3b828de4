"""What *Test* looks at: who we are at ServiceNow, what we may do there, and a test record that is made and closed.

A user without the rights is answered with fewer rows and fewer fields, and seldom with an error: so everything is read
back (c_TableAPI.md: access control is applied after the limit).
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from channels_app.providers.base import Account, Finding, Health, ProviderError
from channels_app.providers.servicenow import journal, records, states, virtual_agent
from channels_app.providers.servicenow.api import ROLES, Api, own_user, raw, shown
from channels_app.providers.servicenow.forms import is_virtual_agent, table_of

TEST = "Convoship: a test, nothing to do"
_JOURNALS = (
    "Let the integration's user read the table sys_journal_field: the role itil, or an access control of your own "
    "(System Security, Access Control); and see that the table has these fields. Until then replies can't be read."
)


async def check(account: Account) -> Health:
    """Credentials, rights, the way back, and a test record; of the Virtual Agent that it takes a request."""
    api, findings = Api(account), list[Finding]()
    try:
        if is_virtual_agent(account.config):
            await _chat(api, findings)
        else:
            user = await _who(api, findings)
            await _may_read(api, findings)
            await _group(api, findings)
            await _rule(api, findings)
            await _test_record(api, user, findings)
    except ProviderError as error:
        findings.append(Finding.of(error))
    findings += _way_back(account)
    return Health(findings)


def _way_back(account: Account) -> list[Finding]:
    """Whether what they send could be taken; whether they send it shows with the connection's events."""
    if account.credentials.get("webhook_secret"):
        return []
    if account.config.get("poll") == "yes":
        return [Finding(True, "Records are looked at often; no business rule calls this connection.")]
    words = "There is no secret that ServiceNow signs with, so nothing that it sends is taken."
    return [Finding(False, words, "Write one into the settings, and paste the business rule.")]


async def _who(api: Api, findings: list[Finding]) -> str:
    name = await own_user(api)
    if not name:
        words = "ServiceNow takes the credentials, but who they are can't be learned."
        findings.append(
            Finding(True, words, "Let the user read its own row of sys_user; else echoes are known by words.")
        )
        return ""
    rows = await api.rows("sys_user", f"user_name={name}", "user_name,name,active", 1)
    mine = next((one for one in rows if raw(one, "user_name").casefold() == name.casefold()), None)
    called = raw(mine, "name") if mine is not None else ""
    whose = f": they act as {called}" if called else ""
    findings.append(Finding(True, f"ServiceNow takes the credentials{whose}."))
    return name


async def _may_read(api: Api, findings: list[Finding]) -> None:
    table = table_of(api.account.config)
    rows = await api.rows(table, "ORDERBYDESCsys_created_on", records.FIELDS, 1)
    if rows and "correlation_id" not in rows[0]:
        raise records.lacks(table, "correlation_id", stops=False)
    words = f"Records of {table} can be read." if rows else f"The table {table} answers, with no record to read yet."
    findings.append(Finding(True, words))


async def _group(api: Api, findings: list[Finding]) -> None:
    named = api.account.config.get("assignment_group")
    if named and await records.group_of(api):
        findings.append(Finding(True, f"New records go to the group {named}."))


async def _rule(api: Api, findings: list[Finding]) -> None:
    """Whether a business rule calls this connection. Mostly only admins may look."""
    account = api.account
    if account.config.get("poll") == "yes":
        return
    fields = "sys_id,name,active,script"
    try:
        rows = await api.rows("sys_script", f"scriptLIKE{account.inbound_url}", fields, 5)
    except ProviderError as error:
        if error.http_status not in {400, 403, 404}:
            raise
        rows = []
    found = next((one for one in rows if account.inbound_url in raw(one, "script")), None)
    if found is None:
        words = "Whether a business rule calls this connection can't be seen: there is none, or only admins may look."
        findings.append(Finding(True, words, "Put it in as shown, or have records looked at often in the settings."))
    elif raw(found, "active") != "true":
        words = f"The business rule “{raw(found, 'name')}” is not active."
        findings.append(Finding(False, words, "Activate it in System Definition, Business Rules."))
    else:
        findings.append(Finding(True, f"The business rule “{raw(found, 'name')}” calls this connection."))


async def _test_record(api: Api, user: str, findings: list[Finding]) -> None:
    """Made, read back, its journal read, and closed."""
    table, key = table_of(api.account.config), f"convoship-test-{uuid4()}"
    body = {
        "short_description": TEST,
        "description": "Convoship made this record to see whether it can, and closes it at once.",
        "correlation_id": key,
        # Not the mark of a case: the business rule leaves it alone.
        "correlation_display": "Convoship test",
        "comments": TEST,
        "work_notes": TEST,
    }
    group = await records.group_of(api)
    body |= {"assignment_group": group} if group else {}
    made = await api.record("POST", table, "", records.fitting(table, body), fields=records.FIELDS)
    ref, number = raw(made, "sys_id"), raw(made, "number")
    findings += _kept(table, made, key, group)
    if user and raw(made, "sys_created_by").casefold() != user.casefold():
        maker = shown(made, "sys_created_by")
        words = f"The test record {number} was made by {maker}, and not by the user of the settings."
        findings.append(Finding(False, words, "Write the user ID as ServiceNow has it; else our own words come back."))
    there = {raw(one, "element") for one in await journal.rows_since(api, ref, "", ())}
    lost = [one for one in ("comments", "work_notes") if one not in there]
    if not lost:
        findings.append(Finding(True, "Comments and work notes can be written and read."))
    else:
        words = f"What was written into {' and '.join(lost)} of the test record {number} can't be read back."
        findings.append(Finding(False, words, _JOURNALS))
    await _close(api, table, ref, number, findings)


def _kept(table: str, made: dict[str, Any], key: str, group: str) -> list[Finding]:
    findings = []
    if raw(made, "correlation_id") != key:
        findings.append(Finding.of(records.lacks(table, "correlation_id", stops=False)))
    if group and raw(made, "assignment_group") != group:
        words = "The test record did not keep its assignment group."
        findings.append(Finding(False, words, f"See your assignment rules, or: {ROLES}"))
    return findings


async def _close(api: Api, table: str, ref: str, number: str, findings: list[Finding]) -> None:
    state = states.resolved(table, api.account.config, TEST)
    if not state:
        words = f"The test record {number} was made, and stays open: its table's states are not known here."
        findings.append(Finding(True, words, f"Close {records.url_of(api, table, ref)} by hand."))
        return
    try:
        over = await api.record("PATCH", table, ref, state, fields=records.FIELDS)
    except ProviderError as error:
        words, remedy = f"The test record {number} was made, but could not be closed. {error.words}", error.remedy_once
        if error.http_status in {400, 403}:
            remedy = "See which fields your instance wants (Data Policies), and the resolution code in the settings."
        findings.append(Finding(False, words, remedy))
        return
    is_over = states.is_over(table, over)
    words = f"The test record {number} was made and {'closed' if is_over else 'could not be closed'}."
    findings.append(Finding(is_over, words, "" if is_over else f"Close {records.url_of(api, table, ref)} by hand."))


async def _chat(api: Api, findings: list[Finding]) -> None:
    """A conversation that is begun and ended at once; whether its answers arrive shows with the connection's events."""
    session = f"convoship-test-{uuid4()}"
    for action in ("START_CONVERSATION", "END_CONVERSATION"):
        body = {
            "requestId": str(uuid4()),
            "action": action,
            "botToBot": True,
            "clientSessionId": session,
            "userId": session,
            "message": {"text": "", "typed": True},
        }
        await virtual_agent.post(api, body)
    findings.append(
        Finding(
            True,
            "The Virtual Agent takes requests; a test conversation was begun and ended.",
            "Its answers have to show under Events within a minute. If they don't: " + virtual_agent.UNHEARD_REMEDY,
        )
    )
