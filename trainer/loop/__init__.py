"""The training loop, checkpoints and history."""
