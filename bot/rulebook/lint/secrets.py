"""Finds secrets that rules need and that are not set."""

from collections.abc import Collection, Mapping

from bot.rulebook.book import Book
from bot.rulebook.fetch import SecretName
from bot.rulebook.findings import Report
from bot.rulebook.rules import Rule


def find_missing_secrets(book: Book, secrets: Collection[str], reports: Mapping[str, Report]) -> None:
    """Report each `{{ secret.NAME }}` for which no BOT_SECRET_NAME is set."""
    for rule in book.fetches.values():
        for name in secrets_of(rule):
            if name not in secrets and rule.fetch is not None:
                message = f"BOT_SECRET_{name} is not set, so nothing can be asked; set it where the bot runs."
                reports[rule.file].add("W431", rule.fetch.place, message)


def secrets_of(rule: Rule) -> list[str]:
    """The names of the secrets that a rule puts into its headers."""
    headers = rule.fetch.headers if rule.fetch else ()
    parts = (part for _, parts in headers for part in parts)
    return list(dict.fromkeys(part.secret for part in parts if isinstance(part, SecretName)))
