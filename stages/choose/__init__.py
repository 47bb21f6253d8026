"""The choice of each prompt's pairs, balanced in length."""
