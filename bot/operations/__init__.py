"""Running the service: health, logging."""
