"""Runs what a command does: a function of another module, imported only now."""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

#: The root context's object where a command is the process's own, which then sets up the logs: a test has its own.
OWN_PROCESS: Final = object()


def run_body(place: str, options: dict[str, Any]) -> None:
    """Call the function at `module:name` with a command's options; a test holds its parameters to theirs."""
    from bot.rulebook.collector import frozen_afterwards  # noqa: PLC0415 - `--help` runs nothing

    module, _, name = place.partition(":")
    with frozen_afterwards():
        # By it structlog draws tracebacks: no log of ours has them, and with Pygments it takes 4 MiB.
        with _absent("rich"):
            importlib.import_module("structlog")
        _set_up_logs()
        # By it requests, which comes with the SDK, guesses encodings: nobody asks it to, and it takes 3 MiB.
        with _absent("charset_normalizer"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Unable to find acceptable character detection")
            body = getattr(importlib.import_module(module), name)
    body(**_with_texts(options))


def _with_texts(options: dict[str, Any]) -> dict[str, Any]:
    """The options with texts that can be stored and printed; names of files keep the bytes that they have."""
    from bot.text.storable import make_storable  # noqa: PLC0415 - as above

    context = click.get_current_context(silent=True)
    kinds = {each.name: each.type for each in context.command.params} if context else {}
    return {
        name: make_storable(value) if isinstance(value, str) and kinds.get(name) is click.STRING else value
        for name, value in options.items()
    }


def _set_up_logs() -> None:
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().obj is OWN_PROCESS:
        from bot.cli.log_setup import log_on_demand  # noqa: PLC0415 - needs structlog

        log_on_demand()


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """Have a package that is installed taken for missing by what is imported meanwhile."""
    kept = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    try:
        yield
    finally:
        del sys.modules[name]
        if kept is not None:
            sys.modules[name] = kept
