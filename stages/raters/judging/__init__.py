"""A language model asked to judge: questions, replies and their costs."""
