"""The audit of a run: figures, rows, page and card."""
