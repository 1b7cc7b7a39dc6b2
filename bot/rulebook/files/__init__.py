"""Rule files, as text, become a rule book."""
