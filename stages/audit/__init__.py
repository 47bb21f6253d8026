"""The audit of preference pairs: what is wrong with them, and the page that says so."""
