"""Tags, saved views, snoozing, and the words of messages, by which they are found.

Nothing here reads a large table: columns that are added are empty. What earlier messages say is put in, and the indexes
are built, by the next migration, while the product runs.
"""

import uuid
from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Lower

from convoship.lib.rls import CURRENT, door, wall

earlier = import_module("deployments.migrations.0013_handoffs")
first = import_module("deployments.migrations.0005_deploying_wall")

# Words as they are written, but for case and accents. The accents need an extension that comes with PostgreSQL and that
# the database's owner may add; where it can't be had, they count.
CONFIGURATION = """
CREATE TEXT SEARCH CONFIGURATION convoship (COPY = pg_catalog.simple);
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;
    ALTER TEXT SEARCH CONFIGURATION convoship
        ALTER MAPPING FOR word, hword, hword_part, numword, numhword
        WITH public.unaccent, simple;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'the extension unaccent can not be added (%), so searching minds accents', SQLERRM;
END
$$;
"""

# A column that a trigger fills, because PostgreSQL would write the whole table anew for a generated one, and keep
# everybody out meanwhile. What the product says to the visitor by itself is left out, and so is an answer that is still
# being written.
WORDS = """
ALTER TABLE deployments_message ADD COLUMN words tsvector;
CREATE FUNCTION words_of_message(p_author text, p_status text, p_text text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_author = 'system' OR p_status = 'streaming' OR p_text = '' THEN NULL
                ELSE to_tsvector('public.convoship'::regconfig, left(p_text, 20000)) END;
CREATE FUNCTION keep_words_of_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.words := public.words_of_message(NEW.author_kind, NEW.status, NEW.text);
    RETURN NEW;
END
$$;
CREATE TRIGGER words_of_new_message BEFORE INSERT ON deployments_message
    FOR EACH ROW EXECUTE FUNCTION keep_words_of_message();
CREATE TRIGGER words_of_changed_message BEFORE UPDATE ON deployments_message
    FOR EACH ROW WHEN (OLD.text IS DISTINCT FROM NEW.text OR (OLD.status = 'streaming' AND NEW.status <> 'streaming'))
    EXECUTE FUNCTION keep_words_of_message();
CREATE FUNCTION words_of_person(p_name text, p_email text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('public.convoship'::regconfig, p_name || ' ' || p_email || ' '
                       || split_part(p_email, '@', 2) || ' ' || translate(p_email, '@.-_+', '     '));
"""
FORGET_WORDS = """
DROP FUNCTION words_of_person(text, text);
DROP TRIGGER words_of_changed_message ON deployments_message;
DROP TRIGGER words_of_new_message ON deployments_message;
DROP FUNCTION keep_words_of_message();
DROP FUNCTION words_of_message(text, text, text);
ALTER TABLE deployments_message DROP COLUMN words;
"""

# The last word is perhaps not written to its end, so from three letters on it finds all that begin with it; unless it
# is quoted or is to be absent. What is only to be absent (`querytree` says T) no index can find.
QUERY = r"""
CREATE FUNCTION search_query(p_text text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN p_text ~ '\w{3}$' AND p_text !~ '(^|\s)-\S*$'
             AND websearch_to_tsquery('public.convoship'::regconfig, p_text)::text ~ '''$'
        THEN (websearch_to_tsquery('public.convoship'::regconfig, p_text)::text || ':*')::tsquery
        ELSE websearch_to_tsquery('public.convoship'::regconfig, p_text)
    END;
"""

# The newest message of each conversation that has the words, and the conversations of people whose name or address has
# them, by when that was. Two ways lead there: from the newest back, which is quick for words that are everywhere, and by
# the index of words, which is quick for those that are rare. The first is gone for a set number of rows; only where that
# was not enough, the second finds the rest, which can't be many then. The workspace is the one that was entered, as in the
# wall's policies: nobody can ask for another's.
# Of what was said these stay: what is not of a test, or of somebody who is found by name anyway; and on a later page what
# had no newer message with the words, for that one stood on an earlier page.
STAYS = """(s.created_at, s.conversation_id) < ((SELECT before FROM asked), p_before_id)
            AND NOT EXISTS (SELECT FROM deployments_conversation c JOIN deployments_person p ON p.id = c.person_id
                             WHERE c.id = s.conversation_id
                               AND (c.is_test OR words_of_person(p.name, p.email) @@ (SELECT query FROM asked)))
            AND (p_before IS NULL OR NOT EXISTS (
                    SELECT FROM deployments_message m
                     WHERE m.conversation_id = s.conversation_id AND m.seq > s.seq
                       AND m.words @@ (SELECT query FROM asked)))
          ORDER BY s.created_at DESC, s.conversation_id DESC LIMIT p_limit"""

SEARCH = f"""
    WITH asked AS MATERIALIZED (
        SELECT search_query(p_text) AS query, {CURRENT} AS workspace,
               coalesce(p_before, 'infinity'::timestamptz) AS before
    ),
    latest AS MATERIALIZED (
        SELECT m.conversation_id, m.id, m.seq, m.created_at, m.words @@ (SELECT query FROM asked) AS has_them
          FROM deployments_message m
         WHERE m.workspace_id = (SELECT workspace FROM asked) AND m.words IS NOT NULL
           AND m.created_at <= (SELECT before FROM asked)
         ORDER BY m.created_at DESC LIMIT p_look
    ),
    said_lately AS MATERIALIZED (
        SELECT s.conversation_id, s.id, s.seq, s.created_at FROM (
            SELECT * FROM (
                SELECT DISTINCT ON (conversation_id) conversation_id, id, seq, created_at
                  FROM latest WHERE has_them ORDER BY conversation_id, created_at DESC, seq DESC
            ) AS newest ORDER BY created_at DESC, conversation_id DESC
        ) AS s
         WHERE {STAYS}
    ),
    is_enough AS MATERIALIZED (
        SELECT count(*) < p_look OR (SELECT count(*) FROM said_lately) >= p_limit
               OR (SELECT querytree(query) = 'T' FROM asked) AS yes,
               min(created_at) AS until
          FROM latest
    ),
    said AS MATERIALIZED (
        SELECT DISTINCT ON (conversation_id) conversation_id, id, seq, created_at FROM (
            SELECT conversation_id, id, seq, created_at FROM latest
             WHERE has_them AND NOT (SELECT yes FROM is_enough)
            UNION ALL
            SELECT m.conversation_id, m.id, m.seq, m.created_at FROM deployments_message m
             WHERE NOT (SELECT yes FROM is_enough)
               AND m.workspace_id = (SELECT workspace FROM asked) AND m.words IS NOT NULL
               AND m.words @@ (SELECT query FROM asked)
               AND m.created_at <= (SELECT until FROM is_enough)
        ) AS both_ways
        ORDER BY conversation_id, created_at DESC, seq DESC
    ),
    moved AS MATERIALIZED (
        SELECT c.id, c.last_activity_at,
               words_of_person(p.name, p.email) @@ (SELECT query FROM asked) AS has_them
          FROM (SELECT id, person_id, last_activity_at FROM deployments_conversation
                 WHERE workspace_id = (SELECT workspace FROM asked) AND NOT is_test
                   AND last_activity_at <= (SELECT before FROM asked)
                   AND (last_activity_at, id) < ((SELECT before FROM asked), p_before_id)
                 ORDER BY last_activity_at DESC LIMIT p_look / 10 + 1) AS c
          JOIN deployments_person p ON p.id = c.person_id
    ),
    of_people AS MATERIALIZED (
        SELECT id, last_activity_at FROM moved WHERE has_them
        UNION
        SELECT c.id, c.last_activity_at
          FROM deployments_person p JOIN deployments_conversation c ON c.person_id = p.id
         WHERE NOT (SELECT count(*) <= p_look / 10 OR count(*) FILTER (WHERE has_them) >= p_limit
                           OR (SELECT querytree(query) = 'T' FROM asked) FROM moved)
           AND p.workspace_id = (SELECT workspace FROM asked)
           AND words_of_person(p.name, p.email) @@ (SELECT query FROM asked)
           AND NOT c.is_test AND (c.last_activity_at, c.id) < ((SELECT before FROM asked), p_before_id)
    )
    SELECT found.conversation_id, found.message_id, found.seq, found.at FROM (
        SELECT l.conversation_id, l.id AS message_id, l.seq, l.created_at AS at
          FROM said_lately l WHERE (SELECT yes FROM is_enough)
        UNION ALL
        (SELECT s.conversation_id, s.id, s.seq, s.created_at
           FROM (SELECT * FROM said ORDER BY created_at DESC, conversation_id DESC) AS s
          WHERE {STAYS})
        UNION ALL
        SELECT o.id, NULL, NULL, o.last_activity_at FROM of_people o
    ) AS found
    ORDER BY found.at DESC, found.conversation_id DESC LIMIT p_limit
"""  # noqa: S608 (constants of the house)

# A conversation that was put away comes back.
WAKE = """    UNION ALL
    (SELECT 'wake', c.workspace_id, c.id, c.snoozed_until
       FROM deployments_conversation c
      WHERE c.snoozed_until < now()
      ORDER BY c.snoozed_until LIMIT p_limit)
"""
DUE_WORK = earlier.DUE_WORK.removesuffix(first.ORDER) + WAKE + first.ORDER


def table(name: str, *fields: tuple[str, models.Field], options: dict | None = None) -> migrations.CreateModel:
    return migrations.CreateModel(
        name=name,
        fields=[
            ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
            *fields,
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
        ],
        options={"abstract": False, "base_manager_name": "objects", **(options or {})},
    )


def of(model: str, related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name=related_name, to=f"deployments.{model}"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0014_talk"),
        ("workspaces", "0005_secretpages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        table("Tag", ("name", models.CharField(max_length=40))),
        table("ConversationTag", ("conversation", of("conversation", "tagged")), ("tag", of("tag", "tagged"))),
        table(
            "SavedView",
            ("name", models.CharField(max_length=60)),
            ("is_shared", models.BooleanField(default=False)),
            ("filters", models.JSONField(default=dict)),
            (
                "maker",
                models.ForeignKey(
                    null=True,
                    on_delete=django.db.models.deletion.SET_NULL,
                    related_name="+",
                    to=settings.AUTH_USER_MODEL,
                ),
            ),
        ),
        migrations.AddField("conversation", "snoozed_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex("savedview", models.Index(fields=["workspace", "maker"], name="view_of_member")),
        migrations.AddConstraint(
            "tag", models.UniqueConstraint(models.F("workspace"), Lower("name"), name="one_tag_per_name")
        ),
        migrations.AddConstraint(
            "conversationtag",
            models.UniqueConstraint(fields=("conversation", "tag"), name="one_of_a_tag_per_conversation"),
        ),
        wall("deployments_tag"),
        wall("deployments_conversationtag"),
        wall("deployments_savedview"),
        migrations.RunSQL(CONFIGURATION, "DROP TEXT SEARCH CONFIGURATION convoship;"),
        migrations.RunSQL(WORDS, FORGET_WORDS),
        migrations.RunSQL(QUERY, "DROP FUNCTION search_query(text);"),
        door(
            "search_conversations",
            "p_text text, p_before timestamptz, p_before_id uuid, p_limit integer, p_look integer",
            "TABLE(conversation_id uuid, message_id uuid, seq integer, at timestamptz)",
            SEARCH,
        ),
        door(
            "due_work",
            "p_limit integer",
            "TABLE(kind text, workspace_id uuid, id uuid)",
            first.due(DUE_WORK),
            before=first.due(earlier.DUE_WORK),
        ),
    ]
