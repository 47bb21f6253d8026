"""Models, adapters and their state."""
