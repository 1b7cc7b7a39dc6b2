"""What is stored of each conversation, and the sending of its replies."""
