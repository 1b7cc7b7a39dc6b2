"""A rule book and a message become a decision; tests and replays are many of them."""
