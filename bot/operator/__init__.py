"""What people do to conversations."""
