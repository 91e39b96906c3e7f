"""JSON logs on stderr that cannot carry personal data.

A log line is an event's name and values under known keys only. Each key has a shape (an id, a number, a name of
ours, a day...), and what does not fit is masked; an unknown key is dropped and its name listed, so that the author of
the line sees it. Of an exception remain its class, its code if it is one of recours, and where it was raised: never its
message, which may quote what a person wrote. Lines of other libraries keep their logger, level and the place in
their source that spoke, not their text.

Known keys: ``SHAPES``. To log something new, add its key there with the narrowest shape.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import date, datetime
from types import TracebackType
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import Processor

from shared.errors import RecoursError

MASK: Final = "[masked]"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-._/][a-z0-9]+){0,9}")
_EVENT = re.compile(r"[a-z][a-z0-9]*(?:[-._][a-z0-9]+){0,11}")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(rf"{_UUID}(?:[/#]{_UUID}|#\d{{1,9}})?|(?=[0-9a-f]*[a-f])[0-9a-f]{{16,128}}")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]{0,80}")
_ROUTE = re.compile(r"/|(?:/(?:[a-z]+(?:[-.][a-z]+)*|v\d|\{[a-z_]+(?::[a-z]+)?\}))+/?")
_ADDRESS = re.compile(r"(?:127\.0\.0\.1|\[::1\]|[a-z][a-z0-9.-]{0,200}):\d{1,5}")
_PLACE = re.compile(r"[A-Za-z_][\w.<>]{0,120}:\d{1,7}(?: [\w<>.]{1,80})?")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

_KEYS: Final = {
    "id": """trace_id span_id case_id event_id aggregate_id command_id job_id causation_id correlation_id exhibit_id
        act_id digest key_id request_id""",
    "number": """count facts events jobs aggregates bytes documents attempt attempts sequence partition offset lag size
        limit rounds status seconds milliseconds retry_after pid exit_code signal port restarts partitions revision
        dead_letters held version""",
    "name": """service replica topic type aggregate kind state reason code template channel engine child worker
        collection database bucket purpose authority partner level method action logger phase group""",
    "class": "error caused_by",
    "instant": "since until wake timestamp",
    "day": "day",
    "route": "route",
    "address": "address",
    "place": "at",
}
SHAPES: Final[dict[str, str]] = {key: shape for shape, keys in _KEYS.items() for key in keys.split()}


def configure(service: str, replica: str = "1", level: str = "info", stream: TextIO | None = None) -> None:
    """Sends every log line of this process, those of libraries too, to ``stream`` (default: stderr) as JSON.

    May be called again; the last call wins.
    """
    shared: list[Processor] = [*_FIRST, _Origin(service, replica)]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            name_the_error,
            only_known,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_forget_the_text, *shared, name_the_error, only_known],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_json],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "faststream", "aiokafka"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # An access log would hold paths, and paths hold case ids and invitation tokens.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("httpx").setLevel(logging.WARNING)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: ``logger(__name__).info("batch-folded", facts=12, seconds=0.03)``."""
    found: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return found


@contextmanager
def bound(traceparent: str | None = None, **ids: str | int) -> Iterator[None]:
    """Adds ``ids`` and the trace of a W3C ``traceparent`` to every line logged inside; a malformed one adds nothing."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    trace = {"trace_id": match[1], "span_id": match[2]} if match else {}
    with structlog.contextvars.bound_contextvars(**trace, **ids):
        yield


def only_known(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keeps the keys of ``SHAPES`` whose values have their shape; masks, drops and says so otherwise."""
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for key, value in line.items():
        if key == "event":
            kept[key] = value if isinstance(value, str) and _EVENT.fullmatch(value) and len(value) <= 80 else MASK
        elif key == "frames":
            kept[key] = [part for part in value if isinstance(part, str) and _PLACE.fullmatch(part)]
        elif key in ("_record", "_from_structlog"):
            kept[key] = value
        elif key in SHAPES:
            kept[key] = _fitted(SHAPES[key], value)
        else:
            dropped.append(key)
    if dropped:
        kept["dropped"] = sorted(key for key in dropped if key.isidentifier() and len(key) <= 40)
    return kept


def name_the_error(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces ``exc_info`` by the error's class, its code if it is a RecoursError, and the places it went through."""
    given = line.pop("exc_info", None)
    line.pop("exc_text", None)
    line.pop("stack_info", None)
    if isinstance(given, tuple):
        error = given[1]
    elif isinstance(given, BaseException):
        error = given
    else:
        error = sys.exc_info()[1] if given else None
    if error is None:
        return line
    line["error"] = type(error).__name__
    if isinstance(error, RecoursError):
        line["code"] = error.code
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        line["caused_by"] = type(cause).__name__
    line["frames"] = _frames(error.__traceback__)
    return line


def _fitted(shape: str, value: Any) -> Any:
    match shape, value:
        case "number", bool() | int() | float():
            return value
        case "instant", datetime():
            return value.isoformat()
        case "instant", str() if _is_instant(value):
            return value
        case "day", date():
            return value.isoformat()[:10]
        case "id", str() if _ID.fullmatch(value):
            return value
        case "name", str() if len(value) <= 80 and (_NAME.fullmatch(value) or (value.isdigit() and len(value) <= 4)):
            return value
        case "class", str() if _CLASS.fullmatch(value):
            return value
        case "route", str() if len(value) <= 200 and _ROUTE.fullmatch(value):
            return value
        case "address", str() if _ADDRESS.fullmatch(value):
            return value
        case "place", str() if _PLACE.fullmatch(value):
            return value
        case _, None:
            return None
    return MASK


def _is_instant(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _frames(trace: TracebackType | None) -> list[str]:
    """The last ten places of a traceback as ``module:line function``; source lines and values are left out."""
    return [
        f"{frame.f_globals.get('__name__', 'unknown')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ][-10:]


def _forget_the_text(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord = line["_record"]
    line["event"] = "library-says"
    line["logger"] = record.name.lower().replace("_", "-")
    line["at"] = f"{record.module}:{record.lineno} {record.funcName}"
    line["exc_info"] = record.exc_info
    # The formatter would otherwise append the traceback, message included, after the JSON.
    record.exc_info = record.exc_text = record.stack_info = None
    return line


class _Origin:
    def __init__(self, service: str, replica: str) -> None:
        self._names = {"service": service, "replica": replica}

    def __call__(self, _: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line.update(self._names)
        return line


def _to_json(_: Any, __: str, line: MutableMapping[str, Any]) -> str:
    return orjson.dumps(line, default=lambda _value: MASK).decode()


_FIRST: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
# A program that forgot to call `configure` must not print what it was given either.
if not structlog.is_configured():
    structlog.configure(
        processors=[*_FIRST, name_the_error, only_known, _to_json],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
