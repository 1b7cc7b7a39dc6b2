"""What arrives, and what state it leaves in a conversation."""
