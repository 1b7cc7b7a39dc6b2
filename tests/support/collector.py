"""A real collector of OpenTelemetry's, Rotel, and the backend that it hands the traces on to."""

import asyncio
import os
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import rotel
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.processes import free_port

AGENT = Path(rotel.__file__).with_name("rotel-agent")


class Collector:
    """What has come through the collector."""

    def __init__(self, address: str) -> None:
        #: For OTEL_EXPORTER_OTLP_ENDPOINT.
        self.address = address
        self.services: list[dict[str, str]] = []
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []

    async def has(self, enough: Callable[[list[Span]], bool]) -> list[Span]:
        """The spans, once they are enough."""
        async with asyncio.timeout(60):
            while not enough(self.spans):  # noqa: ASYNC110 - they come from a process of another's
                await asyncio.sleep(0.02)
        return self.spans

    async def take(self, request: web.Request) -> web.Response:
        """A batch of the collector's."""
        body = await request.read()
        self.bodies.append(body)
        for each in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services.append({one.key: one.value.string_value for one in each.resource.attributes})
            self.spans += [span for scope in each.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def collecting(folder: Path) -> AsyncIterator[Collector]:
    """Run a collector on a free port."""
    port = free_port()
    collector = Collector(f"http://127.0.0.1:{port}")
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    backend = runner.addresses[0][1]
    AGENT.chmod(0o755)  # the wheel forgets it
    with (folder / "collector.log").open("wb") as log:
        agent = await asyncio.create_subprocess_exec(
            AGENT, "start", "--exporter", "otlp", "--otlp-exporter-protocol", "http",
            "--otlp-exporter-endpoint", f"http://127.0.0.1:{backend}", "--otlp-exporter-compression", "none",
            "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}",
            "--disable-batching", "--pid-file", str(folder / "collector.pid"),
            stdout=log, stderr=subprocess.STDOUT,
            # It is linked with Python's own library, which lies beside a Python that is not the system's.
            env=os.environ | {"LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR") or ""},
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                while not await _is_up(port):
                    assert agent.returncode is None, (folder / "collector.log").read_text()
                    await asyncio.sleep(0.02)
            yield collector
        finally:
            if agent.returncode is None:
                agent.kill()
            await agent.wait()
            await runner.cleanup()


async def _is_up(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
