"""Rule files become an index, and a message becomes a decision. Knows nothing of HTTP or the database."""
