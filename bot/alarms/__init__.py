"""What people are told of: troubles that begin and end, gathered into few messages."""
