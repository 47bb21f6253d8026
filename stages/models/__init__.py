"""Models: where they are, engines and endpoints that run them, answers they give."""
