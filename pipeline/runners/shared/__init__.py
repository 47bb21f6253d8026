"""What several runners share."""
