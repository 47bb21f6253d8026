"""Training sets and the formats that trainers read."""
