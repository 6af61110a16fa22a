"""The server ends when it is told to, even with visitors connected.

The server lets each response be sent to its end, without a limit: a browser that stopped reading (a laptop asleep, a tab of a
page half loaded) would keep it alive for ever.
"""

import asyncio
import os
import signal
from threading import Timer
from types import FrameType

from starlette.types import ASGIApp, Receive, Scope, Send

PATIENCE = 5.0  # seconds from the signal on
SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK_AGAIN = 0.1  # seconds: Streamlit sets its handlers just after the app has started


class Ending:
    """Middleware: from the first signal to end, visitors have PATIENCE seconds. Then the process ends with exit code 0."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it; the first of a server tells that it starts."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().call_soon(_limit)
        await self.app(scope, receive, send)


def _limit() -> None:
    theirs = {number: signal.getsignal(number) for number in SIGNALS}
    if theirs[signal.SIGTERM] is signal.SIG_DFL:
        asyncio.get_running_loop().call_later(LOOK_AGAIN, _limit)
        return

    def stop(number: int, frame: FrameType | None) -> None:
        last = Timer(PATIENCE, os._exit, (0,))
        last.daemon = True
        last.start()
        their = theirs[signal.Signals(number)]
        if callable(their):
            their(number, frame)

    for number in SIGNALS:
        signal.signal(number, stop)
