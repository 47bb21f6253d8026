"""Raters of responses: one kind a file, each with a class `Options` and a function `rate`."""
