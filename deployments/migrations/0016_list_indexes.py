"""What earlier messages say, put in a few thousand at a time, and the indexes of the inbox, built while it is used.

Outside a transaction, so that nobody is kept out. Where this was broken off, it may be run again: what is there stays.
"""

from django.db import migrations, models

BATCH = 2000

# Where the extension can't be had, the index is of the words alone: it finds those of other workspaces too, which are
# then left out row by row.
BTREE_GIN = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA public;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'the extension btree_gin can not be added (%), so searching is slower with many workspaces', SQLERRM;
END
$$;
"""

INDEXES = (
    ("conversation_snoozed", "deployments_conversation (snoozed_until) WHERE snoozed_until IS NOT NULL"),
    ("conversation_open", "deployments_conversation (workspace_id, last_activity_at DESC) WHERE status = 'active'"),
    (
        "message_words",
        "deployments_message USING gin ({workspace}words) WITH (gin_pending_list_limit = 1024) WHERE words IS NOT NULL",
    ),
    ("message_newest", "deployments_message (workspace_id, created_at DESC) WHERE words IS NOT NULL"),
    ("person_words", "deployments_person USING gin ({workspace}words_of_person(name, email))"),
)


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        last = "00000000-0000-0000-0000-000000000000"
        while last:
            cursor.execute(
                "WITH batch AS (SELECT id FROM deployments_message WHERE id > %s ORDER BY id LIMIT %s),"
                " filled AS (UPDATE deployments_message m"
                "   SET words = words_of_message(m.author_kind, m.status, m.text)"
                "  FROM batch WHERE m.id = batch.id AND m.words IS NULL"
                "   AND m.author_kind <> 'system' AND m.status <> 'streaming' AND m.text <> '')"
                " SELECT max(id::text) FROM batch",
                [last, BATCH],
            )
            (last,) = cursor.fetchone()


def index(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'btree_gin')")
        workspace = "workspace_id, " if cursor.fetchone()[0] else ""
        for name, of in INDEXES:
            # One whose building was broken off is there, and of no use.
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
                " WHERE c.relname = %s AND NOT i.indisvalid)",
                [name],
            )
            if cursor.fetchone()[0]:
                cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
            cursor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {of.format(workspace=workspace)}")


def drop(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for name, _ in INDEXES:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deployments", "0015_list")]

    operations = [
        migrations.RunSQL(BTREE_GIN, migrations.RunSQL.noop),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(index, drop)],
            state_operations=[
                migrations.AddIndex(
                    "conversation",
                    models.Index(
                        condition=models.Q(("snoozed_until__isnull", False)),
                        fields=["snoozed_until"],
                        name="conversation_snoozed",
                    ),
                ),
                migrations.AddIndex(
                    "conversation",
                    models.Index(
                        condition=models.Q(("status", "active")),
                        fields=["workspace", "-last_activity_at"],
                        name="conversation_open",
                    ),
                ),
            ],
        ),
    ]
