"""What each command is called, takes and says of itself. What it does stands in `bot.cli` and is imported to run it.

So `--help` imports nothing of the bot, and answers at once; a test keeps it so.
"""
