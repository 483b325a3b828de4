"""What a version says stays what was published: conversations, comparisons and rollouts rely on it."""

from typing import ClassVar

from django.db import migrations

FROZEN = ("workspace_id", "assistant_id", "number", "content", "published_at")

FORWARDS = f"""
CREATE FUNCTION versions_never_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'A published version never changes.' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER versions_never_change BEFORE UPDATE ON deployments_assistantversion FOR EACH ROW
    WHEN (({", ".join(f"OLD.{name}" for name in FROZEN)}) IS DISTINCT FROM ({", ".join(f"NEW.{name}" for name in FROZEN)}))
    EXECUTE FUNCTION versions_never_change();
"""

BACKWARDS = """
DROP TRIGGER versions_never_change ON deployments_assistantversion;
DROP FUNCTION versions_never_change();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("deployments", "0006_numbers_counted")]

    operations: ClassVar = [migrations.RunSQL(FORWARDS, BACKWARDS)]
