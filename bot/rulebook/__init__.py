"""The compiled rule book as values. Knows nothing of HTTP or the database."""
