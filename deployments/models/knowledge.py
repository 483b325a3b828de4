"""What an assistant knows beside its content: sources, the documents that came of them, and passages to be found."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.assistant import Assistant


class SourceKind(models.TextChoices):
    """Where knowledge comes from."""

    TEXT = "text", "Text"
    FILE = "file", "File"
    PAGE = "page", "Web page"
    SITEMAP = "sitemap", "Sitemap"


class SourceStatus(models.TextChoices):
    """How a source stands. What it gave before stays to be found while it is read anew, and where that fails."""

    WAITING = "waiting", "Being read"
    READY = "ready", "Ready"
    PARTLY = "partly", "Partly read"
    FAILED = "failed", "Failed"


class PageStatus(models.TextChoices):
    """How one document stands."""

    WAITING = "waiting", "Waiting"
    READY = "ready", "Ready"
    SKIPPED = "skipped", "Left out"
    FAILED = "failed", "Failed"


class EmbeddingStatus(models.TextChoices):
    """How the endpoint of embeddings stands."""

    WAITING = "waiting", "Not tried yet"
    READY = "ready", "Works"
    FAILED = "failed", "Fails"


class KnowledgeSource(TenantModel):
    """Something that is read for an assistant: a pasted text, a file, a web page, or the pages that a sitemap lists.

    Reading is done in rounds by a worker that claims the row. `due_at` says when it is wanted next; a round that is
    under way (`round_began_at`) has its pages marked `is_due`, so the next worker goes on where the last one ended.
    """

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="knowledge")
    kind = models.CharField(max_length=10, choices=SourceKind)
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=2000, blank=True)
    # A language of `knowledge.languages`, or "" where each document's own is told from it.
    language = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=SourceStatus, default=SourceStatus.WAITING)
    reason = models.CharField(max_length=400, blank=True)
    remedy = models.CharField(max_length=400, blank=True)
    refetch_hours = models.PositiveIntegerField(null=True, blank=True)  # None: only when asked
    due_at = models.DateTimeField(null=True, blank=True)
    round_began_at = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # that ended without a word
    tried_at = models.DateTimeField(null=True, blank=True, editable=False)  # when it was last claimed
    fetched_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["assistant", "created_at"], name="source_of_assistant"),
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="source_due"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_from_web(self) -> bool:
        """Whether it can be fetched again."""
        return self.kind in {SourceKind.PAGE, SourceKind.SITEMAP}


class KnowledgeUpload(TenantModel):
    """The bytes of a file until they are read; its text is what is kept."""

    source = models.OneToOneField(KnowledgeSource, on_delete=models.CASCADE, related_name="upload")
    name = models.CharField(max_length=150)
    content = models.BinaryField()

    objects = TenantManager()

    def __str__(self) -> str:
        return self.name


class KnowledgePage(TenantModel):
    """One document of a source: its words, and how the last attempt to read it went."""

    source = models.ForeignKey(KnowledgeSource, on_delete=models.CASCADE, related_name="pages")
    position = models.PositiveIntegerField(default=0)
    url = models.CharField(max_length=2000, blank=True)
    title = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True)  # SHA-256 of title and text, to know what changed
    language = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=PageStatus, default=PageStatus.WAITING)
    reason = models.CharField(max_length=400, blank=True)
    remedy = models.CharField(max_length=400, blank=True)
    size = models.PositiveIntegerField(default=0)  # characters of the text
    # What its server said last, for asking whether it has changed.
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    is_due = models.BooleanField(default=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["source", "position"], name="page_of_source")]

    def __str__(self) -> str:
        return self.title or self.url or "document"


class RealArrayField(ArrayField):
    """Numbers of four bytes each, as pgvector keeps them."""

    def __init__(self, base_field: Any = None, **options: Any) -> None:
        super().__init__(models.FloatField(), **options)

    def deconstruct(self) -> Any:
        """Without the field that is always the same."""
        name, path, args, options = super().deconstruct()
        options.pop("base_field", None)
        return name, path, args, options

    def db_type(self, connection: Any) -> str:
        """`real[]`."""
        return "real[]"

    def cast_db_type(self, connection: Any) -> str:
        """`real[]`."""
        return "real[]"


class KnowledgeChunk(TenantModel):
    """A passage of a document, which is what is found.

    `folded_head` and `folded` are its words as `responders.reading` folds them. A generated column `words` (migration
    `0026_know`) has them as PostgreSQL searches them, in the chunk's language.
    """

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="+")
    page = models.ForeignKey(KnowledgePage, on_delete=models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    heading = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    language = models.CharField(max_length=20)
    folded_title = models.TextField()
    folded_head = models.TextField()
    folded = models.TextField()
    embedding = RealArrayField(null=True, blank=True, editable=False)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["page", "position"], name="chunk_of_page"),
            models.Index(
                fields=["assistant"], condition=models.Q(embedding__isnull=True), name="chunk_without_embedding"
            ),
        ]

    def __str__(self) -> str:
        return self.heading or f"passage {self.position + 1}"


class KnowledgeVocabulary(TenantModel):
    """What an assistant's passages are made of, counted anew when they change (`knowledge.vocabulary`).

    `words` are as they are written, folded: what a slip of the keyboard may have been meant to be. `lexemes` are as
    PostgreSQL keeps them, with the number of passages that have each in `counts`: what a word tells.
    """

    assistant = models.OneToOneField(Assistant, on_delete=models.CASCADE, related_name="+")
    words = ArrayField(models.TextField(), default=list)
    lexemes = ArrayField(models.TextField(), default=list)
    counts = ArrayField(models.IntegerField(), default=list)
    languages = ArrayField(models.TextField(), default=list)
    passages = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"{len(self.words)} words"


class KnowledgeEmbedding(TenantModel):
    """The endpoint that makes embeddings for an assistant's passages and for what is looked for."""

    assistant = models.OneToOneField(Assistant, on_delete=models.CASCADE, related_name="knowledge_embedding")
    base_url = models.CharField(max_length=500)
    model = models.CharField(max_length=100)
    secret = models.CharField(max_length=64, blank=True)  # the key of a workspace secret; "" sends none
    dimensions = models.PositiveIntegerField(null=True, blank=True)  # as the first answer had them
    status = models.CharField(max_length=10, choices=EmbeddingStatus, default=EmbeddingStatus.WAITING)
    reason = models.CharField(max_length=400, blank=True)
    remedy = models.CharField(max_length=400, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # that failed, one after another
    due_at = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="embedding_due"),
        ]

    def __str__(self) -> str:
        return self.model
