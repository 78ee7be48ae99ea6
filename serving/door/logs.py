"""The log: one JSON object a line, with ids and kinds of things, never with what leads say or are.

What goes wrong is told by the kind of the error and where it was raised. Its text is left out, since
errors of libraries quote the values they fail at.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import MutableMapping
from typing import IO, Any

import structlog

_LOG = logging.getLogger(__name__)

_OURS = ("serving", "models", "features", "training", "uvicorn")
"""Loggers whose messages are known to hold no values; of others only who spoke is told."""
HANDLED_BY_THEMSELVES = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "mlflow",
    "sqlalchemy.engine",
    "alembic",
    "huey",
)
"""Loggers that uvicorn and MLflow give handlers of their own, which print what they are told."""


class RequestLines:
    """Where the line of each request goes.

    Attributes
    ----------
    stream : file or None
        None while nobody wants them.
    """

    stream: IO[str] | None = None
    _second = -1
    _shown = ""

    def write(
        self,
        request_id: str,
        method: str,
        route: str,
        status: int,
        seconds: float,
        key: str | None,
    ) -> None:
        """One line for one request. None of these holds a character that JSON would escape."""
        if self.stream is None:
            return
        moment = time.time()
        second = int(moment)
        if second != self._second:
            self._second = second
            self._shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        who = f'"{key}"' if key else "null"
        self.stream.write(
            f'{{"event":"request","level":"info","timestamp":"{self._shown}.{int(moment % 1 * 1e6):06d}Z",'
            f'"request_id":"{request_id}","method":"{method}","route":"{route}","status":{status},'
            f'"ms":{seconds * 1e3:.2f},"key":{who}}}\n'
        )


REQUESTS = RequestLines()


def configure(level: str = "info", stream: IO[str] | None = None) -> None:
    """Let every logger of this process write JSON lines to a stream, by default standard error."""
    out = stream or sys.stderr
    named = logging.getLevelNamesMapping()[level.upper()]
    REQUESTS.stream = out if named <= logging.INFO else None
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _without_values,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(named)
    # Python prints both as they are, with whatever values they quote.
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed
    os.environ["MLFLOW_CONFIGURE_LOGGING"] = "false"
    for name in HANDLED_BY_THEMSELVES:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    name = failure.thread.name if failure.thread else "(unknown)"
    error = failure.exc_value
    _LOG.critical("the thread %s ended", name, exc_info=error if error else False)


def where_of(error: BaseException) -> str:
    """Where an error was raised, without what it says.

    Examples
    --------
    >>> try:
    ...     int("taro@example.com")
    ... except ValueError as error:
    ...     "taro" in where_of(error)
    False
    """
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-5:]))


def _without_values(
    logger: Any, name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take out of a line what may hold values: texts of errors, and messages of other libraries."""
    record: logging.LogRecord = event["_record"]
    if record.exc_info and (error := record.exc_info[1]) is not None:
        event["error"], event["where"] = type(error).__name__, where_of(error)
        record.exc_info = record.exc_text = None
    event.pop("exc_info", None)
    if not record.name.startswith(_OURS):
        event["event"] = "(a message of this library)"
    return event
