"""`logging`: who logs what to whom, at which level. When and where from is not known.

Follows the documented behaviour of CPython 3.11's `logging`. What is written to the standard streams goes where no
program looks.
"""

from __future__ import annotations

import re
import sys
from string import Template
from typing import Any

_not_known: Any = input
"""Something that is not known."""

CRITICAL = 50
FATAL = 50
ERROR = 40
WARNING = 30
WARN = 30
INFO = 20
DEBUG = 10
NOTSET = 0
BASIC_FORMAT = "%(levelname)s:%(name)s:%(message)s"
raiseExceptions = True  # noqa: N816
_levels: dict[Any, Any] = {
    50: "CRITICAL", 40: "ERROR", 30: "WARNING", 20: "INFO", 10: "DEBUG", 0: "NOTSET", "CRITICAL": 50, "FATAL": 50,
    "ERROR": 40, "WARN": 30, "WARNING": 30, "INFO": 20, "DEBUG": 10, "NOTSET": 0,
}  # fmt: skip
_UNKNOWN_FIELDS = (
    "pathname", "filename", "module", "lineno", "funcName", "created", "asctime", "msecs", "relativeCreated", "thread",
    "threadName", "process", "processName", "taskName",
)  # fmt: skip
_FIELDS = {"%": "%(message)s", "{": "{message}", "$": "${message}"}
_PERCENT = re.compile(r"%\(\w+\)[#0+ -]*(\*|\d+)?(\.(\*|\d+))?[diouxefgcrsa%]", re.I)
_BRACES = re.compile(r"(?:[^{}]|\{\{|\}\}|\{[^\W\d]\w*(?:![rsa])?(?::[<>^]?\d*[ds]?)?\})*")
_DOLLARS = re.compile(r"(?:[^$]|\$\$|\$[a-zA-Z_]+|\$\{[a-zA-Z_]+\})*")


def getLevelName(level: Any) -> Any:  # noqa: N802
    found = _levels.get(level)
    return found if found is not None else f"Level {level}"


def addLevelName(level: int, levelName: str) -> None:  # noqa: N802, N803
    _levels[level] = levelName
    _levels[levelName] = level


def _check_level(level: Any) -> int:
    if isinstance(level, int):
        return level
    if isinstance(level, str):
        if level not in _levels:
            raise ValueError(f"Unknown level: {level!r}")
        return _levels[level]  # type: ignore[no-any-return]
    raise TypeError(f"Level not an integer or a valid string: {level!r}")


class LogRecord:
    def __init__(
        self, name: str, level: int, pathname: Any, lineno: Any, msg: Any, args: Any, exc_info: Any, func: Any = None,
        sinfo: Any = None,
    ) -> None:  # fmt: skip
        if args and len(args) == 1 and isinstance(args[0], dict) and args[0]:
            args = args[0]
        self.name = name
        self.msg = msg
        self.args = args
        self.levelname = getLevelName(level)
        self.levelno = level
        self.pathname = _not_known
        self.filename = _not_known
        self.module = _not_known
        self.exc_info = exc_info
        self.exc_text = None
        self.stack_info = sinfo
        self.lineno = _not_known
        self.funcName = _not_known
        self.created = _not_known
        self.msecs = _not_known
        self.relativeCreated = _not_known
        self.thread = _not_known
        self.threadName = _not_known
        self.processName = _not_known
        self.process = _not_known

    def __getattr__(self, name: str) -> Any:
        if name == "taskName":
            return _not_known()
        raise AttributeError(f"'LogRecord' object has no attribute '{name}'")

    def __repr__(self) -> str:
        return str(_not_known())

    def getMessage(self) -> str:  # noqa: N802
        text = str(self.msg)
        if self.args:
            text = text % self.args
        return text


class Formatter:
    converter: Any = input
    default_time_format = "%Y-%m-%d %H:%M:%S"
    default_msec_format = "%s,%03d"

    def __init__(
        self, fmt: Any = None, datefmt: Any = None, style: str = "%", validate: bool = True, *, defaults: Any = None
    ) -> None:
        if style not in ("%", "{", "$"):
            raise ValueError("Style must be one of: %,{,$")
        self._style_name = style
        self._fmt = fmt or _FIELDS[style]
        if validate:
            self._validate()
        self.datefmt = datefmt
        self._defaults = defaults

    def _validate(self) -> None:
        if self._style_name == "%":
            if not _PERCENT.search(self._fmt):
                raise ValueError(f"Invalid format '{self._fmt}' for '%' style")
        elif self._style_name not in self._fmt:
            raise ValueError("invalid format: no fields")
        elif not (_BRACES if self._style_name == "{" else _DOLLARS).fullmatch(self._fmt):
            _not_known()

    def usesTime(self) -> bool:  # noqa: N802
        return "asctime" in self._fmt

    def formatTime(self, record: Any, datefmt: Any = None) -> str:  # noqa: N802
        return _not_known()  # type: ignore[no-any-return]

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _not_known()  # type: ignore[no-any-return]

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return stack_info

    def formatMessage(self, record: Any) -> str:  # noqa: N802
        for name in _UNKNOWN_FIELDS:
            if name in self._fmt and (name != "asctime" or name not in record.__dict__):
                return _not_known()  # type: ignore[no-any-return]
        values = {
            name: record.__dict__[name] for name in record.__dict__ if name == "asctime" or name not in _UNKNOWN_FIELDS
        }
        if self._defaults:
            values = {**self._defaults, **values}
        try:
            if self._style_name == "%":
                return self._fmt % values
            if self._style_name == "{":
                return self._fmt.format(**values)
            return Template(self._fmt).substitute(**values)
        except KeyError as error:
            raise ValueError(f"Formatting field not found in record: {error}") from None

    def format(self, record: Any) -> str:
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        text = self.formatMessage(record)
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            text = text + "\n" + record.exc_text
        if record.stack_info:
            text = text + "\n" + self.formatStack(record.stack_info)
        return text


class Filter:
    def __init__(self, name: str = "") -> None:
        self.name = name
        self.nlen = len(name)

    def filter(self, record: Any) -> bool:
        if not self.nlen or self.name == record.name:
            return True
        return record.name.startswith(self.name + ".")  # type: ignore[no-any-return]


class Filterer:
    def __init__(self) -> None:
        self.filters: list[Any] = []

    def addFilter(self, filter: Any) -> None:  # noqa: A002, N802
        if filter not in self.filters:
            self.filters.append(filter)

    def removeFilter(self, filter: Any) -> None:  # noqa: A002, N802
        if filter in self.filters:
            self.filters.remove(filter)

    def filter(self, record: Any) -> Any:
        for item in self.filters:
            result = item.filter(record) if hasattr(item, "filter") else item(record)
            if not result:
                return False
        return True


class Handler(Filterer):
    lock: Any = input
    createLock: Any = input  # noqa: N815

    def __init__(self, level: Any = NOTSET) -> None:
        Filterer.__init__(self)
        self._name: Any = None
        self.level = _check_level(level)
        self.formatter: Any = None

    def get_name(self) -> Any:
        return self._name

    def set_name(self, name: Any) -> None:
        self._name = name

    name = property(get_name, set_name)

    def setLevel(self, level: Any) -> None:  # noqa: N802
        self.level = _check_level(level)

    def format(self, record: Any) -> Any:
        return (self.formatter or _default).format(record)

    def emit(self, record: Any) -> None:
        raise NotImplementedError("emit must be implemented by Handler subclasses")

    def handle(self, record: Any) -> Any:
        result = self.filter(record)
        if result:
            self.emit(record)
        return result

    def setFormatter(self, fmt: Any) -> None:  # noqa: N802
        self.formatter = fmt

    def acquire(self) -> None:
        pass

    def release(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def handleError(self, record: Any) -> None:  # noqa: N802
        pass

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} ({getLevelName(self.level)})>"


class StreamHandler(Handler):
    terminator = "\n"

    def __init__(self, stream: Any = None) -> None:
        Handler.__init__(self)
        self.stream = sys.stderr if stream is None else stream

    def flush(self) -> None:
        if self.stream and hasattr(self.stream, "flush"):
            self.stream.flush()

    def emit(self, record: Any) -> None:
        try:
            text = self.format(record)
            self.stream.write(text + self.terminator)
            self.flush()
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)

    def setStream(self, stream: Any) -> Any:  # noqa: N802
        if stream is self.stream:
            return None
        before = self.stream
        self.flush()
        self.stream = stream
        return before

    def __repr__(self) -> str:
        return str(_not_known())


class NullHandler(Handler):
    def handle(self, record: Any) -> Any:
        pass

    def emit(self, record: Any) -> Any:
        pass


FileHandler: Any = input


class Logger(Filterer):
    root: Any
    manager: Any = input
    findCaller: Any = input  # noqa: N815
    _cache: Any = input

    def __init__(self, name: str, level: Any = NOTSET) -> None:
        Filterer.__init__(self)
        self.name = name
        self.level = _check_level(level)
        self.parent: Any = None
        self.propagate = True
        self.handlers: list[Any] = []
        self.disabled = False

    def setLevel(self, level: Any) -> None:  # noqa: N802
        self.level = _check_level(level)

    def getEffectiveLevel(self) -> int:  # noqa: N802
        logger = self
        while logger:
            if logger.level:
                return logger.level
            logger = logger.parent
        return NOTSET

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        if self.disabled or _disabled[0] >= level:
            return False
        return level >= self.getEffectiveLevel()

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(DEBUG):
            self._log(DEBUG, msg, args, **kwargs)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(INFO):
            self._log(INFO, msg, args, **kwargs)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(WARNING):
            self._log(WARNING, msg, args, **kwargs)

    warn = warning

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(ERROR):
            self._log(ERROR, msg, args, **kwargs)

    def exception(self, msg: Any, *args: Any, exc_info: Any = True, **kwargs: Any) -> None:
        self.error(msg, *args, exc_info=exc_info, **kwargs)

    def critical(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(CRITICAL):
            self._log(CRITICAL, msg, args, **kwargs)

    fatal = critical

    def log(self, level: Any, msg: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(level, int):
            raise TypeError("level must be an integer")
        if self.isEnabledFor(level):
            self._log(level, msg, args, **kwargs)

    def makeRecord(  # noqa: N802
        self, name: str, level: int, fn: Any, lno: Any, msg: Any, args: Any, exc_info: Any, func: Any = None,
        extra: Any = None, sinfo: Any = None,
    ) -> Any:  # fmt: skip
        record = _factory[0](name, level, fn, lno, msg, args, exc_info, func, sinfo)
        if extra is not None:
            for key in extra:
                if key in ("message", "asctime") or key in record.__dict__:
                    raise KeyError(f"Attempt to overwrite {key!r} in LogRecord")
                record.__dict__[key] = extra[key]
        return record

    def _log(
        self, level: int, msg: Any, args: Any, exc_info: Any = None, extra: Any = None, stack_info: bool = False,
        stacklevel: int = 1,
    ) -> None:  # fmt: skip
        if exc_info:
            if isinstance(exc_info, BaseException):
                exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
            elif not isinstance(exc_info, tuple):
                exc_info = sys.exc_info()
        place: Any = _not_known
        stack = place if stack_info else None
        self.handle(self.makeRecord(self.name, level, place, place, msg, args, exc_info, place, extra, stack))

    def handle(self, record: Any) -> None:
        if not self.disabled and self.filter(record):
            self.callHandlers(record)

    def addHandler(self, hdlr: Any) -> None:  # noqa: N802
        if hdlr not in self.handlers:
            self.handlers.append(hdlr)

    def removeHandler(self, hdlr: Any) -> None:  # noqa: N802
        if hdlr in self.handlers:
            self.handlers.remove(hdlr)

    def hasHandlers(self) -> bool:  # noqa: N802
        logger = self
        while logger:
            if logger.handlers:
                return True
            if not logger.propagate:
                return False
            logger = logger.parent
        return False

    def callHandlers(self, record: Any) -> None:  # noqa: N802
        logger = self
        found = 0
        while logger:
            for handler in logger.handlers:
                found = found + 1
                if record.levelno >= handler.level:
                    handler.handle(record)
            logger = logger.parent if logger.propagate else None  # type: ignore[assignment]
        if found == 0 and record.levelno >= WARNING:
            try:
                record.getMessage()  # by the handler of last resort
            except RecursionError:
                raise
            except Exception:
                return

    def getChild(self, suffix: str) -> Any:  # noqa: N802
        return getLogger(suffix if self is root else f"{self.name}.{suffix}")

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} {self.name} ({getLevelName(self.getEffectiveLevel())})>"


class RootLogger(Logger):
    def __init__(self, level: int) -> None:
        Logger.__init__(self, "root", level)


class LoggerAdapter:
    def __init__(self, logger: Any, extra: Any = None) -> None:
        self.logger = logger
        self.extra = extra

    def process(self, msg: Any, kwargs: Any) -> Any:
        kwargs["extra"] = self.extra
        return msg, kwargs

    def log(self, level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.isEnabledFor(level):
            msg, kwargs = self.process(msg, kwargs)
            self.logger.log(level, msg, *args, **kwargs)

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.log(DEBUG, msg, *args, **kwargs)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.log(INFO, msg, *args, **kwargs)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.log(WARNING, msg, *args, **kwargs)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.log(ERROR, msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, exc_info: Any = True, **kwargs: Any) -> None:
        self.log(ERROR, msg, *args, exc_info=exc_info, **kwargs)

    def critical(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.log(CRITICAL, msg, *args, **kwargs)

    def isEnabledFor(self, level: int) -> Any:  # noqa: N802
        return self.logger.isEnabledFor(level)

    def setLevel(self, level: Any) -> None:  # noqa: N802
        self.logger.setLevel(level)

    def getEffectiveLevel(self) -> Any:  # noqa: N802
        return self.logger.getEffectiveLevel()

    def hasHandlers(self) -> Any:  # noqa: N802
        return self.logger.hasHandlers()

    @property
    def name(self) -> Any:
        return self.logger.name

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} {self.logger.name} ({getLevelName(self.getEffectiveLevel())})>"


_factory: list[Any] = [LogRecord]
_default = Formatter()
_disabled = [0]
_loggers: dict[str, Any] = {}
_class: list[Any] = [Logger]
root = RootLogger(WARNING)
Logger.root = root


def getLogger(name: Any = None) -> Any:  # noqa: N802
    if not name or (isinstance(name, str) and name == root.name):
        return root
    if not isinstance(name, str):
        raise TypeError("A logger name must be a string")
    if name in _loggers:
        return _loggers[name]
    made = _class[0](name)
    _loggers[name] = made
    parts = name.split(".")
    made.parent = root
    for length in range(1, len(parts)):
        made.parent = _loggers.get(".".join(parts[:length]), made.parent)
    for other in _loggers:
        if other.startswith(name + ".") and len(_loggers[other].parent.name if _loggers[other].parent is not root
                                                else "") < len(name):  # fmt: skip
            _loggers[other].parent = made
    return made


def getLogRecordFactory() -> Any:  # noqa: N802
    return _factory[0]


def setLogRecordFactory(factory: Any) -> None:  # noqa: N802
    _factory[0] = factory


def getLoggerClass() -> Any:  # noqa: N802
    return _class[0]


def setLoggerClass(klass: Any) -> None:  # noqa: N802
    if klass is not Logger and not issubclass(klass, Logger):
        raise TypeError("logger not derived from logging.Logger: " + klass.__name__)
    _class[0] = klass


def disable(level: Any = CRITICAL) -> None:
    _disabled[0] = _check_level(level)


def basicConfig(**kwargs: Any) -> None:  # noqa: N802
    if kwargs.pop("force", False):
        root.handlers[:] = []
    if root.handlers:
        return
    kwargs.pop("encoding", None)
    kwargs.pop("errors", None)
    handlers = kwargs.pop("handlers", None)
    stream = kwargs.pop("stream", None)
    filename = kwargs.pop("filename", None)
    kwargs.pop("filemode", None)
    if filename is not None:
        handlers = [_not_known()]
    if handlers is None:
        handlers = [StreamHandler(stream)]
    style = kwargs.pop("style", "%")
    form = {"{": "{levelname}:{name}:{message}", "$": "${levelname}:${name}:${message}"}.get(style, BASIC_FORMAT)
    formatter = Formatter(kwargs.pop("format", form), kwargs.pop("datefmt", None), style)
    for handler in handlers:
        if handler.formatter is None:
            handler.setFormatter(formatter)
        root.addHandler(handler)
    level = kwargs.pop("level", None)
    if level is not None:
        root.setLevel(level)
    if kwargs:
        raise ValueError(f"Unrecognised argument(s): {', '.join(kwargs.keys())}")


def _prepared() -> Any:
    if not root.handlers:
        basicConfig()
    return root


def debug(msg: Any, *args: Any, **kwargs: Any) -> None:
    _prepared().debug(msg, *args, **kwargs)


def info(msg: Any, *args: Any, **kwargs: Any) -> None:
    _prepared().info(msg, *args, **kwargs)


def warning(msg: Any, *args: Any, **kwargs: Any) -> None:
    _prepared().warning(msg, *args, **kwargs)


def error(msg: Any, *args: Any, **kwargs: Any) -> None:
    _prepared().error(msg, *args, **kwargs)


def exception(msg: Any, *args: Any, exc_info: Any = True, **kwargs: Any) -> None:
    error(msg, *args, exc_info=exc_info, **kwargs)


def critical(msg: Any, *args: Any, **kwargs: Any) -> None:
    _prepared().critical(msg, *args, **kwargs)


def log(level: int, msg: Any, *args: Any, **kwargs: Any) -> None:
    _prepared().log(level, msg, *args, **kwargs)


def shutdown(handlerList: Any = None) -> None:  # noqa: N803
    pass


def captureWarnings(capture: bool) -> None:  # noqa: N802
    _not_known()
