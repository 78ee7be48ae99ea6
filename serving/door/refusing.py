"""How a request is refused whose body has not been read.

A connection that is closed while its client still sends is reset, and the client may never read why
it was refused. So the answer goes out first, and then what comes is read and thrown away for a while.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

from serving.problems import Problem

LINGER = 2.0
"""Seconds in which what is still being sent is read and thrown away."""


def may_have_body(scope: Scope) -> bool:
    """Whether a request says that a body follows."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem, let the client finish, then close the connection."""
    if not may_have_body(scope):
        await problem.response()(scope, receive, send)
        return
    problem.headers = {**(problem.headers or {}), "Connection": "close"}
    last: Message = {}

    async def all_but_the_end(message: Message) -> None:
        nonlocal last
        if message["type"] == "http.response.body":
            last = {**message, "body": b"", "more_body": False}
            message = {**message, "more_body": True}
        await send(message)

    await problem.response()(scope, receive, all_but_the_end)
    try:
        async with asyncio.timeout(LINGER):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send(last)
