"""The languages whose word forms PostgreSQL knows (its Snowball stemmers), and which one a text is in.

Told by a page's own word (`lang`), else by the commonest words of each language, which few others share. A text that
has none of them is taken word by word: every form must then be the same in the question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from deployments.responders.reading import bare

SIMPLE = "simple"

# The name of PostgreSQL's configuration -> its tag (BCP 47) and its name for people.
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "danish": ("da", "Danish"),
    "dutch": ("nl", "Dutch"),
    "english": ("en", "English"),
    "finnish": ("fi", "Finnish"),
    "french": ("fr", "French"),
    "german": ("de", "German"),
    "hungarian": ("hu", "Hungarian"),
    "italian": ("it", "Italian"),
    "norwegian": ("no", "Norwegian"),
    "portuguese": ("pt", "Portuguese"),
    "romanian": ("ro", "Romanian"),
    "russian": ("ru", "Russian"),
    "spanish": ("es", "Spanish"),
    "swedish": ("sv", "Swedish"),
    "turkish": ("tr", "Turkish"),
}
_BY_TAG = {tag: name for name, (tag, _) in LANGUAGES.items()} | {"nb": "norwegian", "nn": "norwegian"}

_COMMON: Mapping[str, str] = {
    "danish": "og det at er til på som med for af den har ikke der kan eller også hvis vores",
    "dutch": "de het een en van ik te dat die in is niet met voor zijn op aan als ook maar wij uw kunt bij",
    "english": "the of and to in is you that it for on with as are this be at or by from have not your can if we a an",
    "finnish": "ja on ei se että ovat kun mutta tai voit joka myös sekä ole mukaan sinun",
    "french": "le la les de des et en un une du est que pour dans qui pas vous sur au avec votre ne plus sont",
    "german": "der die das und ist nicht ein eine zu den mit von auf für im sie wir dem des auch oder wenn ihre werden",
    "hungarian": "a az és hogy nem egy is van ez meg csak vagy kell lehet",
    "italian": "il di che e la un una per non sono con del della le gli si da nel più come anche dei alla",
    "norwegian": "og det er til på som med for av den har ikke kan eller også hvis vår deg",
    "portuguese": "o de que e do da em um uma para com não os se na por mais as dos ao como você seu ou",
    "romanian": "și de la în pe cu nu este un o care din sau să pentru mai sunt",
    "russian": "и в не на что с по это как для вы от из или за у мы к если",
    "spanish": "el de que y la en un una los del se las por con no para su al lo como más si o está",
    "swedish": "och det att är som på för med av den har inte till kan eller om också vi ditt",
    "turkish": "ve bir bu için ile de da olarak veya çok en olan gibi daha",
}
_OWNERS: dict[str, list[str]] = {}
for _language, _words in _COMMON.items():
    for _word in dict.fromkeys(map(bare, _words.split())):
        _OWNERS.setdefault(_word, []).append(_language)

LOOKED_AT = 4_000  # words


def of_tag(tag: str) -> str:
    """The language of a tag such as `de-AT`; "" for one whose word forms aren't known."""
    return _BY_TAG.get(tag.strip().replace("_", "-").split("-")[0].lower(), "")


def told(words: list[str], tag: str = "") -> str:
    """The language of a text's folded words; `tag` is what its author says. `SIMPLE` where none can be told."""
    if named := of_tag(tag):
        return named
    votes: Counter[str] = Counter()
    for word in words[:LOOKED_AT]:
        owners = _OWNERS.get(word, ())
        for language in owners:
            votes[language] += 12 // len(owners)
    if not votes:
        return SIMPLE
    (best, most), *_ = votes.most_common(1)
    # Running text has a common word among every four or so; a list of names has hardly any.
    return best if most >= 12 * max(1, min(len(words), LOOKED_AT) // 25) else SIMPLE


def choices() -> list[tuple[str, str]]:
    """For a form: the name that is stored, and the one for people."""
    return [(name, shown) for name, (_, shown) in LANGUAGES.items()]
