"""Tables on disk: contracts, buckets, and files that are whole or absent."""
