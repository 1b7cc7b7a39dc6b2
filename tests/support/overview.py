"""A rule book for the overview, and texts that it does not answer."""

from tests.support.bots import Bot, heard

RULES = """
rules:
  - {name: hours, when: {keyword: hours}, reply: We are open.}
  - {name: person, when: {keyword: person}, handover: true, reply: Somebody will come.}
  - {name: stop, when: {exact: [stop, stopall, unsubscribe, cancel, end, quit]}, opt_out: true, reply: Goodbye.}
  - {name: greeting, when: anything, only: {first_time: true}, reply: Welcome!}
  - {name: else, when: anything, reply: Sorry?}
"""


async def met(bot: Bot, text: str, peer: str = "+15555550101") -> None:
    """A text from somebody who has written before."""
    await bot.hear(heard("hours", peer=peer))
    await bot.hear(heard(text, peer=peer))
    await bot.no_longer_queued(peer)
