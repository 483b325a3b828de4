"""A telephone, and the Twilio between it and us: documents are run, words spoken and keys pressed as Twilio does it.

`twiml` and `frames` read what we answer, `voice` is the pace of speech, `forms` what Twilio tells us. `leg` runs a
document on one party's line, with `relaying` and `dialling` for its longer verbs. `exchange` is one telephone with its
calls in this process, `outside` its way to our webhooks, `calls` the rows that the API answers from (`api`).
"""
