"""Dagster: what is materialised, when, and how it is wired."""
