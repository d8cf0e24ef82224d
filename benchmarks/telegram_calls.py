"""What the Bot API calls alone cost: ``python -m benchmarks.telegram_calls URL TOKEN CHAT N_SEND N_POLL``.

A bare loop with the service's own client: so many messages sent into one chat and so many polls, one
after the other, and nothing else. Prints CPU milliseconds a message, to be read against what the whole
service needs on the same machine in the same minutes (``benchmarks.telegram`` runs it).
"""

from __future__ import annotations

import asyncio
import sys
import time

from bot.telegram import keyboards
from bot.telegram.api import Api
from bot.telegram.incoming import ALLOWED_UPDATES


async def calls(url: str, token: str, chat_id: int, n_send: int, n_poll: int) -> float:
    """Make the calls; CPU milliseconds for each message sent."""
    api = Api(token, url)
    await api.open_connections()
    keyboard = keyboards.under_reply("m1", "en", more=False)
    for _ in range(20):  # warm
        await api.send_text(chat_id, "You said: hello there", keyboard=keyboard)
    began, polled = time.process_time(), 0
    for i in range(n_send):
        await api.send_text(chat_id, "You said: hello there", keyboard=keyboard)
        while polled * n_send < i * n_poll:
            await api.raw_updates(None, 0, ALLOWED_UPDATES)
            polled += 1
    spent = time.process_time() - began
    await api.close_connections()
    return 1000 * spent / n_send


if __name__ == "__main__":
    url, token, *numbers = sys.argv[1:]
    print(asyncio.run(calls(url, token, *map(int, numbers))))
