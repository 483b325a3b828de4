"""Calls whose sound we hear and speak ourselves (ADR 18)."""
