"""Declared quality, and Great Expectations suites."""
