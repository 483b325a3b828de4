"""Knowledge of assistants: sources, documents, passages with their words, and the endpoint of embeddings."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import deployments.models.knowledge
from convoship.lib.rls import door, wall

TABLES = (
    "knowledgesource",
    "knowledgeupload",
    "knowledgepage",
    "knowledgechunk",
    "knowledgevocabulary",
    "knowledgeembedding",
)

# As `deployments/knowledge/languages.py` has them; whatever else is written is taken word by word.
LANGUAGES = (
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "turkish",
)
_CASES = "".join(
    f"""
        WHEN '{language}' THEN setweight(to_tsvector('pg_catalog.{language}'::regconfig, p_title), 'C')
            || setweight(to_tsvector('pg_catalog.{language}'::regconfig, p_head), 'B')
            || setweight(to_tsvector('pg_catalog.{language}'::regconfig, p_text), 'D')"""
    for language in LANGUAGES
)

# The owner may add the first where it comes with PostgreSQL; the second mostly takes a superuser. Both can come later:
# without them slips of the keyboard aren't found, and embeddings not compared.
EXTENSIONS = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'the extension pg_trgm can not be added (%), so slips of the keyboard are not found', SQLERRM;
END
$$;
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'the extension vector can not be added (%), so there are no embeddings', SQLERRM;
END
$$;
"""

# One function for all languages: a column of the type regconfig would keep PostgreSQL from being upgraded in place
# (pg_upgrade refuses tables that hold its numbers). Passages are a few KB; kept whole in their row they are read
# without a detour, and a vector of numbers can't be pressed.
WORDS = f"""
CREATE FUNCTION words_of_passage(p_language text, p_title text, p_head text, p_text text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_language {_CASES}
        ELSE setweight(to_tsvector('pg_catalog.simple'::regconfig, p_title), 'C')
            || setweight(to_tsvector('pg_catalog.simple'::regconfig, p_head), 'B')
            || setweight(to_tsvector('pg_catalog.simple'::regconfig, p_text), 'D')
        END;
ALTER TABLE deployments_knowledgechunk ADD COLUMN words tsvector
    GENERATED ALWAYS AS (words_of_passage(language, folded_title, folded_head, folded)) STORED;
ALTER TABLE deployments_knowledgechunk ALTER COLUMN embedding SET STORAGE EXTERNAL;
ALTER TABLE deployments_knowledgechunk SET (toast_tuple_target = 8160);
"""
FORGET_WORDS = """
ALTER TABLE deployments_knowledgechunk DROP COLUMN words;
DROP FUNCTION words_of_passage(text, text, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0027_stop"),
        ("workspaces", "0006_duty"),
    ]

    operations = [
        migrations.CreateModel(
            name="KnowledgeSource",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("text", "Text"), ("file", "File"), ("page", "Web page"), ("sitemap", "Sitemap")],
                        max_length=10,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("url", models.CharField(blank=True, max_length=2000)),
                ("language", models.CharField(blank=True, max_length=20)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Being read"),
                            ("ready", "Ready"),
                            ("partly", "Partly read"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=400)),
                ("remedy", models.CharField(blank=True, max_length=400)),
                ("refetch_hours", models.PositiveIntegerField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("round_began_at", models.DateTimeField(blank=True, null=True)),
                ("claim", models.UUIDField(blank=True, editable=False, null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("fetched_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "assistant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="knowledge",
                        to="deployments.assistant",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="KnowledgePage",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField(default=0)),
                ("url", models.CharField(blank=True, max_length=2000)),
                ("title", models.CharField(blank=True, max_length=300)),
                ("text", models.TextField(blank=True)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("language", models.CharField(blank=True, max_length=20)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("ready", "Ready"),
                            ("skipped", "Left out"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=400)),
                ("remedy", models.CharField(blank=True, max_length=400)),
                ("size", models.PositiveIntegerField(default=0)),
                ("etag", models.CharField(blank=True, max_length=300)),
                ("last_modified", models.CharField(blank=True, max_length=100)),
                ("is_due", models.BooleanField(default=True)),
                ("fetched_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pages",
                        to="deployments.knowledgesource",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="KnowledgeUpload",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=150)),
                ("content", models.BinaryField()),
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="upload",
                        to="deployments.knowledgesource",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="KnowledgeVocabulary",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "words",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                (
                    "lexemes",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), default=list, size=None
                    ),
                ),
                (
                    "languages",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
                ),
                ("passages", models.PositiveIntegerField(default=0)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "assistant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="deployments.assistant"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="KnowledgeEmbedding",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("base_url", models.CharField(max_length=500)),
                ("model", models.CharField(max_length=100)),
                ("secret", models.CharField(blank=True, max_length=64)),
                ("dimensions", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "Not tried yet"), ("ready", "Works"), ("failed", "Fails")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=400)),
                ("remedy", models.CharField(blank=True, max_length=400)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("claim", models.UUIDField(blank=True, editable=False, null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "assistant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="knowledge_embedding",
                        to="deployments.assistant",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="embedding_due")
                ],
            },
        ),
        migrations.CreateModel(
            name="KnowledgeChunk",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                ("heading", models.CharField(blank=True, max_length=300)),
                ("text", models.TextField()),
                ("language", models.CharField(max_length=20)),
                ("folded_title", models.TextField()),
                ("folded_head", models.TextField()),
                ("folded", models.TextField()),
                (
                    "embedding",
                    deployments.models.knowledge.RealArrayField(blank=True, editable=False, null=True, size=None),
                ),
                (
                    "assistant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="deployments.assistant"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="deployments.knowledgepage",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["page", "position"], name="chunk_of_page"),
                    models.Index(
                        condition=models.Q(("embedding__isnull", True)),
                        fields=["assistant"],
                        name="chunk_without_embedding",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="knowledgesource",
            index=models.Index(fields=["assistant", "created_at"], name="source_of_assistant"),
        ),
        migrations.AddIndex(
            model_name="knowledgesource",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="source_due"),
        ),
        migrations.AddIndex(
            model_name="knowledgepage",
            index=models.Index(fields=["source", "position"], name="page_of_source"),
        ),
        *(wall(f"deployments_{table}") for table in TABLES),
        migrations.RunSQL(EXTENSIONS, migrations.RunSQL.noop),
        migrations.RunSQL(WORDS, FORGET_WORDS),
        door(
            "due_knowledge",
            "p_limit integer",
            "TABLE(workspace_id uuid, id uuid)",
            """SELECT s.workspace_id, s.id FROM deployments_knowledgesource s
                WHERE s.due_at <= now() AND coalesce(s.leased_until, '-infinity') < now()
                ORDER BY s.due_at LIMIT p_limit""",
        ),
        door(
            "due_embeddings",
            "p_limit integer",
            "TABLE(workspace_id uuid, id uuid)",
            """SELECT e.workspace_id, e.id FROM deployments_knowledgeembedding e
                WHERE e.due_at <= now() AND coalesce(e.leased_until, '-infinity') < now()
                ORDER BY e.due_at LIMIT p_limit""",
        ),
    ]
