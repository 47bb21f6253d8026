"""Keys, lengths, similarity and clusters of texts."""
