"""Reading sources with how their documents stand. Inside `tenant()`."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from deployments.models import Assistant, KnowledgeSource
from deployments.models.knowledge import PageStatus


def sources_of(assistant: Assistant) -> QuerySet[KnowledgeSource]:
    """An assistant's, each with the counts of `counts_of`."""
    counted = {f"{status.value}_pages": Count("pages", filter=Q(pages__status=status)) for status in PageStatus}
    return KnowledgeSource.objects.filter(assistant=assistant).annotate(**counted)


def counts_of(source: KnowledgeSource) -> dict[str, int]:
    """How many of its documents stand how: `{ready, failed, skipped, waiting}`."""
    if not hasattr(source, "ready_pages"):
        rows = source.pages.values_list("status").annotate(often=Count("id"))
        counted = dict(rows)
        return {status.value: counted.get(status.value, 0) for status in PageStatus}
    return {status.value: getattr(source, f"{status.value}_pages") for status in PageStatus}
