"""Metrics of trained policies on held-out prompts."""
