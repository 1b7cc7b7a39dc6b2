"""What is allowed in a rule book and does not do what its author means."""
