"""The pattern of Azure's quickstarts: an event comes, the SDK is called, 200. Nothing is stored, nothing repeated.

python benchmarks/quickstart.py PORT CONNECTION_STRING
"""

import sys
from typing import Any

import uvicorn
from azure.communication.sms.aio import SmsClient
from azure.core.credentials import AzureKeyCredential
from litestar import Litestar, post
from texts import KEYWORDS, reply_of

REPLIES = {word: reply_of(word) for word in KEYWORDS}


def main() -> None:
    """Serve."""
    endpoint, _, key = sys.argv[2].removeprefix("endpoint=").partition(";accesskey=")
    client = SmsClient(endpoint, AzureKeyCredential(key))

    @post("/events", status_code=200)
    async def events(data: list[dict[str, Any]]) -> None:
        for event in data:
            text = event["data"]
            await client.send(
                text["To"],
                text["From"],
                REPLIES[text["Message"]],
                enable_delivery_report=True,
                tag=event["id"],
            )

    uvicorn.run(
        Litestar([events], logging_config=None), port=int(sys.argv[1]), log_level="error", access_log=False
    )


if __name__ == "__main__":
    main()
