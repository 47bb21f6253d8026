"""What is known of raters: scale, reliability and length slope, and what follows for an answer."""
