"""What leaves: queued messages, lanes, retries, rate limits."""
