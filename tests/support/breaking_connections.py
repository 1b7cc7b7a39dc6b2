"""Connections to PostgreSQL that end at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from tests.support.postgresql import shared_server

#: The name of the socket in the folder that an address names as the host.
SOCKET = ".s.PGSQL.5432"
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@asynccontextmanager
async def breaking_after_begin(database: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Another address of a database, and an event: once it is set, the next connection that begins a transaction ends.

    With its answer comes the server's last word, and all connections of the database end with it. The event is
    cleared then.
    """
    url = make_url(database)
    breaks = asyncio.Event()

    async def answer(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(65_536):
            if breaks.is_set() and b"BEGIN" in data:
                breaks.clear()
                await asyncio.to_thread(shared_server().tell, END_ALL, database=str(url.database))
                data += await server.read()
            client.write(data)

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(f"{url.query['host']}/{SOCKET}")
        answering = asyncio.create_task(answer(server, to_client))
        with suppress(ConnectionError):
            while data := await client.read(65_536):
                to_server.write(data)
                if data.startswith(b"X"):  # the client leaves
                    break
        to_server.close()
        await answering
        to_client.close()

    with TemporaryDirectory(prefix="bot-pg-") as folder:
        async with await asyncio.start_unix_server(serve, f"{folder}/{SOCKET}"):
            here = url.update_query_dict({"host": folder})
            yield here.render_as_string(hide_password=False), breaks


@asynccontextmanager
async def falling_silent(database: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Another address of a database, and an event: while it is not set, nothing gets through, and nothing ends.

    As with a cut cable, or a server whose machine stands still.
    """
    url = make_url(database)
    gets_through = asyncio.Event()
    gets_through.set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await gets_through.wait()
                writer.write(data)
        writer.close()

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(f"{url.query['host']}/{SOCKET}")
        await asyncio.gather(pass_on(client, to_server), pass_on(server, to_client))

    with TemporaryDirectory(prefix="bot-pg-") as folder:
        async with await asyncio.start_unix_server(serve, f"{folder}/{SOCKET}"):
            here = url.update_query_dict({"host": folder})
            yield here.render_as_string(hide_password=False), gets_through
