"""Log-probabilities of a reference model, and rewards."""
