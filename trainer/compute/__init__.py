"""Log-probabilities, losses' inputs and gradients."""
