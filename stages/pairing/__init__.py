"""What pair finds out about every two answers of a prompt."""
