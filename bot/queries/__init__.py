"""What people ask of the database: conversations, messages, search, overview. Reads only."""
