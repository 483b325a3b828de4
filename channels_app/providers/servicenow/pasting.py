"""What an admin puts in by hand at ServiceNow: the business rule that calls us, or the Virtual Agent's connection.

The rule is ES5, for Rhino. ServiceNowDocs: c_BusinessRules.md (async: the save does not wait, and `changes()` is for
the condition alone, which is looked at in the session of whoever saves), c_RESTMessageV2API.md (`executeAsync`),
c_GlideCertificateEncryptionAPI.md (`generateMac` takes the key in base64 and answers in base64).
"""

from __future__ import annotations

import json

from channels_app.providers.base import Account
from channels_app.providers.desk_port import Paste
from channels_app.providers.servicenow.forms import is_virtual_agent, table_of
from channels_app.providers.servicenow.records import MARK

# Who we are there is a secret's value, which stands on no page.
USER = "USER ID OF THE INTEGRATION"


def property_of(account: Account) -> str:
    """The name of the system property with the secret: each connection has its own."""
    return f"convoship.{account.connection_id.hex[:8]}.secret"


def to_paste(account: Account) -> list[Paste]:
    """Texts and where they go; the secret itself is in none of them."""
    if is_virtual_agent(account.config):
        return _virtual_agent(account)
    user, table, name = USER, table_of(account.config), property_of(account)
    by_hand = f" Put the integration's user ID in the place of {USER}, here and in the script."
    return [
        Paste(
            "System property",
            "Enter sys_properties.list in the filter navigator, New: this name; Type “password”; as Value the secret "
            "of this connection.",
            name,
        ),
        Paste(
            "Business rule: condition",
            f"System Definition, Business Rules, New: Table {table}; Active; Advanced; When “async”; Insert and "
            f"Update. In the tab Advanced, Condition.{by_hand}",
            f'current.correlation_display == "{MARK}" && gs.getUserName() != {json.dumps(user)}',
        ),
        Paste("Business rule: script", "In the same place, Script, instead of all that it has.", rule(account, user)),
    ]


def _virtual_agent(account: Account) -> list[Paste]:
    where = (
        "System Definition, Tables, Bot to Bot Outbound Configurations, VA Bot to Bot Provider Application, REST "
        "connection, Connections, Bot Connection: "
    )
    return [
        Paste(
            "Connection URL", f"{where}Connection URL. It has to be reached within its timeout.", account.inbound_url
        ),
        Paste(
            "Header",
            f"{where}Attributes, New: this name, and as value the secret of this connection.",
            "X-Convoship-Secret",
        ),
    ]


def rule(account: Account, user: str) -> str:
    """The business rule's script."""
    script = _SCRIPT
    for name, value in (("ENDPOINT", account.inbound_url), ("OWN_USER", user), ("PROPERTY", property_of(account))):
        script = script.replace(f"@{name}@", json.dumps(value))
    return script


_SCRIPT = """(function executeRule(current, previous) {
    // Tells Convoship that something happened in a record of its own. It runs after the save, and never holds it up.
    var ENDPOINT = @ENDPOINT@;
    var OWN_USER = @OWN_USER@;
    try {
        var secret = gs.getProperty(@PROPERTY@, "");
        if (!secret) {
            gs.error("Convoship: the system property " + @PROPERTY@ + " has no value.");
            return;
        }
        var journal = null;
        var row = new GlideRecord("sys_journal_field");
        row.addQuery("element_id", current.getUniqueValue());
        row.addQuery("element", "IN", "comments,work_notes");
        row.addQuery("sys_created_by", "!=", OWN_USER);
        row.orderByDesc("sys_created_on");
        row.setLimit(1);
        row.query();
        if (row.next()) {
            journal = {
                element: row.getValue("element"),
                value: row.getValue("value"),
                sys_id: row.getUniqueValue(),
                sys_created_on: row.getValue("sys_created_on"),
                sys_created_by: row.getValue("sys_created_by")
            };
        }
        var told = {
            event_id: String(gs.generateGUID()),
            table: current.getTableName(),
            sys_id: current.getUniqueValue(),
            number: current.getValue("number"),
            sys_mod_count: current.getValue("sys_mod_count"),
            state: current.getValue("state"),
            correlation_id: current.getValue("correlation_id"),
            journal: journal
        };
        // In ASCII, so that what is signed and what is sent can't differ by their encoding.
        var body = JSON.stringify(told).replace(/[\\u007f-\\uffff]/g, function (letter) {
            return "\\\\u" + ("0000" + letter.charCodeAt(0).toString(16)).slice(-4);
        });
        var timestamp = String(Math.floor(new Date().getTime() / 1000));
        var key = GlideStringUtil.base64Encode(secret);
        var mac = new GlideCertificateEncryption();
        var signature = mac.generateMac(key, "HmacSHA256", timestamp + "." + body);
        var request = new sn_ws.RESTMessageV2();
        request.setEndpoint(ENDPOINT);
        request.setHttpMethod("post");
        request.setRequestHeader("Content-Type", "application/json");
        request.setRequestHeader("X-Convoship-Timestamp", timestamp);
        request.setRequestHeader("X-Convoship-Signature", String(signature));
        request.setRequestBody(body);
        request.setHttpTimeout(10000);
        request.executeAsync();
    } catch (problem) {
        gs.error("Convoship was not told of " + current.getUniqueValue() + ": " + problem);
    }
})(current, previous);
"""
