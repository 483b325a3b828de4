"""How well passages are found: two bodies of knowledge, and questions in people's words that nothing was tuned to.

`<set>.tsv`, tab-separated: the document, a piece of the passage that answers, the question. `held_out` is what counts;
what finding counts was tried out on `tuning` alone. `outside.tsv` (body, question) has what nothing here answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from deployments.knowledge import keeping, searching, vocabulary
from deployments.knowledge.document_program import answer
from deployments.knowledge.parsing import MOST_CHARACTERS, Document
from deployments.models import Assistant, KnowledgePage, KnowledgeSource
from deployments.models.knowledge import SourceKind
from deployments.responders.base import Passage
from deployments.responders.quoting import ENOUGH

FOLDER = Path(__file__).parent
BODIES = ("shop", "stadtwerke")
SETS = ("held_out", "tuning")
AT = 5


@dataclass(frozen=True)
class Question:
    """What is asked, and where the answer stands."""

    body: str
    document: str
    says: str
    asked: str


@dataclass(frozen=True)
class Asked:
    """A question, and at which place the passage that answers was found: from 1 on, None for none of the first AT."""

    question: Question
    place: int | None
    best: Passage | None

    @property
    def is_quoted(self) -> bool:
        """Whether a script would answer with the best passage."""
        return self.best is not None and self.best.score >= ENOUGH


def questions(name: str) -> list[Question]:
    """A set's."""
    found = []
    for line in (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        path, says, asked = line.split("\t")
        body, _, document = path.partition("/")
        found.append(Question(body, document, says, asked))
    return found


def outside() -> list[tuple[str, str]]:
    """(body, question) of those that nothing answers."""
    lines = (FOLDER / "outside.tsv").read_text(encoding="utf-8").splitlines()
    return [(body, asked) for body, _, asked in (line.partition("\t") for line in lines)]


def know(assistant: Assistant, body: str) -> None:
    """Let an assistant know a whole body. Within its tenant; read here, for these documents are our own."""
    source = KnowledgeSource.objects.create(assistant=assistant, kind=SourceKind.TEXT, title=body, status="ready")
    for path in sorted((FOLDER / body).glob("*.md")):
        told = answer("markdown", path.read_bytes(), MOST_CHARACTERS)
        document = Document(told["title"], told["language"], told["blocks"])
        page = KnowledgePage.objects.create(source=source, title=path.stem)
        keeping.keep(source, page.id, keeping.prepared(document))
    vocabulary.renew(assistant.id)


def ask(assistant_of: dict[str, UUID], name: str) -> list[Asked]:
    """Every question of a set, asked of who knows its body. Within their tenant."""
    found = []
    for question in questions(name):
        passages = searching.find(assistant_of[question.body], question.asked, AT)
        places = [at for at, passage in enumerate(passages, start=1) if _answers(passage, question)]
        found.append(Asked(question, min(places, default=None), passages[0] if passages else None))
    return found


def _answers(passage: Passage, question: Question) -> bool:
    return " ".join(question.says.split()) in " ".join(passage.text.split())


def recall(asked: list[Asked], at: int = AT) -> float:
    """The share of questions whose answer is among the first passages."""
    return sum(one.place is not None and one.place <= at for one in asked) / len(asked)


def quotes(asked: list[Asked]) -> list[bool]:
    """For each question that a script would answer with the best passage: whether that one answers it."""
    return [one.place == 1 for one in asked if one.is_quoted]


def quoted_for_nothing(assistant_of: dict[str, UUID]) -> int:
    """How often a script would quote something for what nothing answers. Within their tenant."""
    found = [searching.find(assistant_of[body], asked, 1) for body, asked in outside()]
    return sum(bool(passages) and passages[0].score >= ENOUGH for passages in found)
