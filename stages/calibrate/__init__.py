"""Raters' scales, reliability and length slopes; a calibrated score for each response."""
