"""An SMS keyword responder: Event Grid events in, replies by YAML rules out through Azure Communication Services."""

__version__ = "0.1.0"
