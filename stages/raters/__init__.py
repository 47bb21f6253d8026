"""Who rates responses: one kind of rater per file, each with a function `rate`."""
