"""What was meant by a mistake in a rule file: its cause in plain words, and the change that takes it away."""
