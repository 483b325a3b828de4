"""What the product itself says to visitors, in their language. An assistant's own texts are its content, not here."""

from __future__ import annotations

from collections.abc import Mapping

# The steps of a hand-over that an assistant can have words of its own for.
HANDOFF_STEPS = (
    "waiting",
    "closed",
    "closed_wait",
    "ask_name",
    "ask_email",
    "ask_question",
    "form_done",
    "accepted",
    "joined",
    "changed",
    "gone",
    "nobody_came",
    "returned",
    "resolved",
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "waiting": "I've asked a person to join. You can keep writing, they will see everything.",
        "waiting_call": "One moment, I am asking a person for you.",
        "closed": "Nobody is there right now, so I go on as well as I can.",
        "closed_at": "Nobody is there right now. People are back on {opens_at}; until then I go on as well as I can.",
        "closed_wait": (
            "Nobody is free right now. Whoever comes within {within} answers you here; otherwise the assistant goes on."
        ),
        "closed_wait_at": (
            "Nobody is there right now. People are back on {opens_at}. Your conversation stays open until then; if "
            "none of them answers within {within}, the assistant goes on."
        ),
        "closed_wait_call": "Nobody is free right now. I am asking for up to {within}; then you are back with me.",
        # Of a call that its assistant does not go on with then: a request for a message follows, or a goodbye.
        "closed_over_call": "Nobody is there right now.",
        "closed_over_call_at": "Nobody is there right now. People are back on {opens_at}.",
        "closed_wait_over_call": "Nobody is free right now. I am asking for up to {within}.",
        "nobody_came_over_call": "Nobody can be reached right now.",
        "ask_name": "What is your name?",
        "ask_email": "At which e-mail address can we reach you if you have to leave?",
        "ask_question": "What is it about?",
        "form_done": "Thank you.",
        "accepted": "{person} will be with you in a moment.",
        "accepted_unnamed": "Somebody will be with you in a moment.",
        "joined": "{person} has joined the conversation.",
        "joined_unnamed": "A person has joined the conversation.",
        "joined_call": "{person} is with you now.",
        "joined_call_unnamed": "A person is with you now.",
        "changed": "You are talking to {person} now.",
        "changed_unnamed": "You are talking to somebody else now.",
        "gone": "{person} can't answer right now. I've asked the others.",
        "gone_unnamed": "The person you talked with can't answer right now. I've asked the others.",
        "still_here": "You are talking to {person}, who will bring the assistant back when you ask for it.",
        "still_here_unnamed": "You are talking to a person, who will bring the assistant back when you ask for it.",
        "already_back": "The assistant is with you already.",
        "somebody": "a person",
        "back_button": "Back to the assistant",
        "back_word": "Back",
        "skip_button": "Skip",
        "returned": "The assistant is back with you.",
        "returned_call": "I am back with you.",
        "nobody_came": "Nobody is free right now, so the assistant is back. Your messages are kept.",
        "nobody_came_call": "Nobody can be reached right now, so you are back with me.",
        "resolved": "{person} has closed this conversation.",
        "resolved_unnamed": "This conversation was closed by the person you talked with.",
        "ended_by_visitor": "You have ended this conversation.",
        "ended_by_flow": "This conversation has ended.",
        "budget_until": "I can't answer any more of this for now. In {wait} I can again.",
        "budget_over": "I can't answer this here.",
        "answer_failed": "Something went wrong while answering. Please send your message again.",
        "answer_down": "I can't answer at the moment, and sending your message again won't help.",
        "answer_not_this": "I can't answer this. Please ask it in fewer or other words.",
        "answer_or_person": "You can also talk to a person.",
        "wants_person": "Talk to a person",
        "files_kept_many": (
            "Your files have arrived. I can't look into them myself, but a person can. What are they about?"
        ),
        "files_kept": "Your file has arrived. I can't look into it myself, but a person can. What is it about?",
        "mail_subject": "{person} answered you ({assistant})",
        "mail_subject_unnamed": "You have an answer ({assistant})",
        "mail_intro": "You had left the chat with {assistant} when this answer came:",
        "mail_continue": "Continue the conversation",
        "mail_link": "The link works once, for as long as the conversation is open, and for 7 days at most.",
        "mail_closed": "The conversation can't be continued from here: it is over.",
        "mail_no_reply": "Nobody reads answers to this mail.",
        "mail_why": (
            "You get this mail because your address was given in a chat on {place} as the one to answer to. "
            "If that was not you, ignore it, or have no more of them:"
        ),
        "mail_stop": "No more mails about this conversation",
        "continue_title": "Continue your conversation",
        "continue_intro": "Open the conversation with {assistant} in this browser, with all that was said so far.",
        "continue_once": "The link works once: stay in the browser in which you press the button.",
        "continue_button": "Continue the conversation",
        "continue_open": "Your conversation with {assistant} is open on this page. You can come back to it from this "
        "browser for a day.",
        "continue_no_script": "The chat is a script, and this browser runs none.",
        "continue_paused": "The chat is paused at the moment. Try again later, in this browser.",
        "continue_used_title": "This link was used already",
        "continue_used": "A link of a mail opens its conversation once. Go back to the browser in which you opened it, "
        "or use the link of a newer mail.",
        "continue_old_title": "This link is too old",
        "continue_old": "A link of a mail works for 7 days.",
        "continue_proof_title": "This conversation needs a sign-in",
        "continue_proof": "It can be continued only by who signed in on the site where it began.",
        "continue_ended_title": "This conversation has ended",
        "continue_ended": "Nothing more can be said in it. What you were answered stands in the mail.",
        "continue_gone_title": "This chat is closed",
        "continue_gone": "Its owner has taken it down.",
        "continue_broken_title": "This link is not whole",
        "continue_broken": "It was cut short or changed on its way. Open it from the mail again, or copy it with every "
        "character to its end.",
        "continue_anew": "You can begin a new conversation on {place}.",
        "continue_anew_page": "You can begin a new conversation on the page where this one was.",
        "continue_anew_button": "Open that page",
        "continue_many_title": "Too many at once",
        "continue_many": "Too many links were opened from your address. Wait a minute, then open it again.",
        "stop_title": "No more mails about this conversation?",
        "stop_intro": "Answers in the conversation with {assistant} are then not mailed to you any more. You can still "
        "read them in the chat.",
        "stop_button": "Stop these mails",
        "stopped_title": "These mails are stopped",
        "stopped": "You get no more mails about the conversation with {assistant}.",
    },
    "de": {
        "waiting": "Ich habe einen Menschen dazu gebeten. Sie können weiterschreiben, alles wird gesehen.",
        "waiting_call": "Einen Moment, ich frage jemanden für Sie.",
        "closed": "Gerade ist niemand da, darum mache ich weiter, so gut ich kann.",
        "closed_at": (
            "Gerade ist niemand da. Menschen sind wieder da: {opens_at}. Bis dahin mache ich weiter, so gut ich kann."
        ),
        "closed_wait": (
            "Gerade ist niemand frei. Wer innerhalb von {within} kommt, antwortet Ihnen hier; sonst macht der "
            "Assistent weiter."
        ),
        "closed_wait_at": (
            "Gerade ist niemand da. Menschen sind wieder da: {opens_at}. Bis dahin bleibt Ihr Gespräch offen; "
            "antwortet dann innerhalb von {within} niemand, macht der Assistent weiter."
        ),
        "closed_wait_call": (
            "Gerade ist niemand frei. Ich frage noch, spätestens innerhalb von {within} mache ich mit Ihnen weiter."
        ),
        "closed_over_call": "Gerade ist niemand da.",
        "closed_over_call_at": "Gerade ist niemand da. Menschen sind wieder da: {opens_at}.",
        "closed_wait_over_call": "Gerade ist niemand frei. Ich frage noch, längstens {within}.",
        "nobody_came_over_call": "Gerade ist niemand zu erreichen.",
        "ask_name": "Wie heißen Sie?",
        "ask_email": "Unter welcher E-Mail-Adresse erreichen wir Sie, falls Sie gehen müssen?",
        "ask_question": "Worum geht es?",
        "form_done": "Vielen Dank.",
        "accepted": "{person} ist gleich für Sie da.",
        "accepted_unnamed": "Gleich ist jemand für Sie da.",
        "joined": "{person} ist dem Gespräch beigetreten.",
        "joined_unnamed": "Ein Mensch ist dem Gespräch beigetreten.",
        "joined_call": "Sie sprechen jetzt mit {person}.",
        "joined_call_unnamed": "Sie sprechen jetzt mit einem Menschen.",
        "changed": "Sie sprechen jetzt mit {person}.",
        "changed_unnamed": "Sie sprechen jetzt mit jemand anderem.",
        "gone": "{person} kann gerade nicht antworten. Ich habe die anderen gefragt.",
        "gone_unnamed": "Wer mit Ihnen sprach, kann gerade nicht antworten. Ich habe die anderen gefragt.",
        "still_here": "Sie sprechen mit {person}. Bitten Sie hier um den Assistenten, wenn Sie ihn zurückmöchten.",
        "still_here_unnamed": (
            "Sie sprechen mit einem Menschen. Bitten Sie hier um den Assistenten, wenn Sie ihn zurückmöchten."
        ),
        "already_back": "Der Assistent ist schon für Sie da.",
        "somebody": "ein Mensch",
        "back_button": "Zurück zum Assistenten",
        "back_word": "Zurück",
        "skip_button": "Überspringen",
        "returned": "Der Assistent ist wieder für Sie da.",
        "returned_call": "Ich bin wieder für Sie da.",
        "nobody_came": "Gerade ist niemand frei, darum ist der Assistent wieder da. Ihre Nachrichten bleiben erhalten.",
        "nobody_came_call": "Gerade ist niemand zu erreichen, darum sind Sie wieder bei mir.",
        "resolved": "{person} hat dieses Gespräch geschlossen.",
        "resolved_unnamed": "Wer mit Ihnen sprach, hat dieses Gespräch geschlossen.",
        "ended_by_visitor": "Sie haben dieses Gespräch beendet.",
        "ended_by_flow": "Dieses Gespräch ist beendet.",
        "budget_until": "Darauf kann ich vorerst nicht mehr antworten. In {wait} geht es wieder.",
        "budget_over": "Darauf kann ich hier nicht antworten.",
        "answer_failed": "Beim Antworten ist etwas schiefgegangen. Senden Sie Ihre Nachricht bitte noch einmal.",
        "answer_down": "Ich kann gerade nicht antworten, und es hilft nicht, Ihre Nachricht noch einmal zu senden.",
        "answer_not_this": "Darauf kann ich nicht antworten. Fragen Sie bitte kürzer oder mit anderen Worten.",
        "answer_or_person": "Sie können auch mit einem Menschen sprechen.",
        "wants_person": "Mit einem Menschen sprechen",
        "files_kept_many": (
            "Ihre Dateien sind angekommen. Ich selbst kann nicht hineinsehen, ein Mensch schon. Worum geht es?"
        ),
        "files_kept": (
            "Ihre Datei ist angekommen. Ich selbst kann nicht hineinsehen, ein Mensch schon. Worum geht es?"
        ),
        "mail_subject": "{person} hat Ihnen geantwortet ({assistant})",
        "mail_subject_unnamed": "Sie haben eine Antwort ({assistant})",
        "mail_intro": "Sie hatten den Chat mit {assistant} verlassen, als diese Antwort kam:",
        "mail_continue": "Gespräch fortsetzen",
        "mail_link": "Der Link gilt einmal, solange das Gespräch offen ist, und höchstens 7 Tage.",
        "mail_closed": "Das Gespräch lässt sich von hier nicht fortsetzen: Es ist beendet.",
        "mail_no_reply": "Antworten auf diese E-Mail liest niemand.",
        "mail_why": (
            "Sie bekommen diese E-Mail, weil Ihre Adresse in einem Chat auf {place} als die für Antworten angegeben "
            "wurde. Waren Sie das nicht, beachten Sie sie nicht, oder bestellen Sie weitere ab:"
        ),
        "mail_stop": "Keine E-Mails mehr zu diesem Gespräch",
        "continue_title": "Gespräch fortsetzen",
        "continue_intro": "Öffnen Sie das Gespräch mit {assistant} in diesem Browser, mit allem Bisherigen.",
        "continue_once": "Der Link gilt einmal: Bleiben Sie in dem Browser, in dem Sie auf den Knopf drücken.",
        "continue_button": "Gespräch fortsetzen",
        "continue_open": "Ihr Gespräch mit {assistant} ist auf dieser Seite offen. In diesem Browser können Sie einen "
        "Tag lang dahin zurückkehren.",
        "continue_no_script": "Der Chat ist ein Skript, und dieser Browser führt keine aus.",
        "continue_paused": "Der Chat ist gerade angehalten. Versuchen Sie es später noch einmal, in diesem Browser.",
        "continue_used_title": "Dieser Link wurde schon benutzt",
        "continue_used": "Der Link einer E-Mail öffnet sein Gespräch einmal. Gehen Sie in den Browser zurück, in dem "
        "Sie ihn geöffnet haben, oder nehmen Sie den Link einer neueren E-Mail.",
        "continue_old_title": "Dieser Link ist zu alt",
        "continue_old": "Der Link einer E-Mail gilt 7 Tage.",
        "continue_proof_title": "Für dieses Gespräch muss man angemeldet sein",
        "continue_proof": "Nur wer auf der Website angemeldet ist, auf der es begann, kann es fortsetzen.",
        "continue_ended_title": "Dieses Gespräch ist beendet",
        "continue_ended": "Darin kann nichts mehr gesagt werden. Was Ihnen geantwortet wurde, steht in der E-Mail.",
        "continue_gone_title": "Diesen Chat gibt es nicht mehr",
        "continue_gone": "Wem er gehört, hat ihn geschlossen.",
        "continue_broken_title": "Dieser Link ist nicht vollständig",
        "continue_broken": "Er wurde unterwegs abgeschnitten oder verändert. Öffnen Sie ihn noch einmal aus der "
        "E-Mail, oder kopieren Sie ihn bis zum letzten Zeichen.",
        "continue_anew": "Ein neues Gespräch können Sie auf {place} beginnen.",
        "continue_anew_page": "Ein neues Gespräch können Sie auf der Seite beginnen, auf der dieses war.",
        "continue_anew_button": "Seite öffnen",
        "continue_many_title": "Zu viele auf einmal",
        "continue_many": "Von Ihrer Adresse wurden zu viele Links geöffnet. Warten Sie eine Minute und öffnen Sie ihn "
        "dann noch einmal.",
        "stop_title": "Keine E-Mails mehr zu diesem Gespräch?",
        "stop_intro": "Antworten im Gespräch mit {assistant} bekommen Sie dann nicht mehr per E-Mail. Im Chat können "
        "Sie sie weiterhin lesen.",
        "stop_button": "E-Mails abbestellen",
        "stopped_title": "Diese E-Mails sind abbestellt",
        "stopped": "Zum Gespräch mit {assistant} bekommen Sie keine E-Mails mehr.",
    },
}


def say(key: str, locale: str, **values: str) -> str:
    """The text for this key in the closest language there is, English otherwise."""
    return _WORDS[language_of(locale)][key].format(**values)


def say_on(channel: str, step: str, ending: str, locale: str, **values: str) -> str:
    """The text of a hand-over's step, in a call as it is spoken; `ending`: "", "_at" or "_unnamed"."""
    known = _WORDS[language_of(locale)]
    ways = [f"{step}_call{ending}", f"{step}{ending}"] if channel == "voice" else [f"{step}{ending}"]
    # Not every step is told in as many ways.
    ways += [f"{step}_call"] if channel == "voice" else []
    return say(next((way for way in ways if way in known), step), locale, **values)


def language_of(locale: str) -> str:
    """The language in which `say` says it: `en` or `de`."""
    language = (locale or "en").replace("_", "-").split("-")[0].lower()
    return language if language in _WORDS else "en"
