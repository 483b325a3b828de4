"""Words of English and German that say little about what is wanted. Data only; `matching.py` folds them."""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP = _listed(
    """
    a an the this that these those there here it its is are was were be been being am im ive id ill isnt arent
    wasnt do does did done dont doesnt didnt have has had havent hasnt having can could cant cannot couldnt may
    might must shall should will would wont wouldnt i me my mine we us our you your yours he she him her they
    them their one some any to of in on at by for from with about into as and or but if so then than too also
    just only very really quite still what whats which who whos when where wheres why how hows much many no not
    yes get got go going gonna want wanna wants need needs like know tell say let please pls plz kindly again
    ever now today ein eine einen einem einer eines der die das den dem des dies diese dieser dieses es ist sind
    war waren sein bin bist ich mich mir mein meine meinen meinem meiner wir uns unser unsere du dich dir dein
    deine sie ihr ihre ihren ihnen er haben habe hast hat hatte kann kannst konnen konnte konnten mag mochte
    mochten muss mussen soll sollte wollen wird werden wurde wurden zu zum zur von vom auf fur mit uber bei aus
    nach als und oder aber wenn dann auch nur sehr noch schon mal welche welcher welches wer wann wo wie warum
    wieso viel viele kein keine nicht ja nein doch bitte gerne man denn eigentlich etwas gibt heute
    """
)

# Greetings, thanks, small numbers and times: padding in a sentence that says something else as well.
PADDING = _listed(
    """
    hello hi hey hiya hallo moin servus guten tag morgen abend good morning afternoon evening day dear sir madam
    thanks thank thx danke dank vielen bye goodbye tschuss ciao wiedersehen help hilfe question frage sorry ok
    okay well great nice perfect super regards cheers yesterday tomorrow last next ago week weeks month months
    year already yet since until till one two three gestern letzte letzten nachste woche wochen monat jahr seit
    schon bis zwei drei
    """
)

# What people type for short, and what it stands for.
SHORT = {
    "thx": "thanks",
    "tnx": "thanks",
    "ty": "thanks",
    "u": "you",
    "ur": "your",
    "r": "are",
    "wat": "what",
    "wut": "what",
    "abt": "about",
    "bc": "because",
    "cuz": "because",
    "gonna": "going",
    "info": "information",
    "infos": "information",
    "tel": "telephone",
    "vllt": "vielleicht",
    "nix": "nichts",
    "hab": "habe",
    "ne": "eine",
    "nen": "einen",
}
