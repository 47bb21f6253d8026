"""Helpers that several stages share."""
