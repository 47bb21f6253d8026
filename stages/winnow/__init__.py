"""Rules that drop ambiguous pairs."""
