"""Pure functions on text: words, phone numbers, segments, durations."""
