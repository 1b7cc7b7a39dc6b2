"""A stand-in for ACS and Event Grid, so that the bot runs without an Azure account."""
