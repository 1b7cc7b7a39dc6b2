"""Binds the port first, so that a conflict is one sentence."""

import socket

from bot.cli.errors import CommandFailed


def listen(host: str, port: int, *, mend: str) -> socket.socket:
    """A listening socket; raises `CommandFailed` with what to do about it in `mend`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise CommandFailed(
            f"{host} port {port} can't be listened on ({error.strerror or error}): another program has that port,"
            f" or the address is not this machine's. {mend}"
        ) from None
