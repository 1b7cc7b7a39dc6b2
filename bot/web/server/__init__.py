"""The HTTP server: connections, their bounds, and the way in."""
