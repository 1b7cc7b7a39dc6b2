"""What crosses the line to Azure: events in, sends out."""
