"""A process that does the server's work: outlines, predictions, runs, checks. `python -m cwm_lsp.lsp.worker`.

It reads jobs from stdin and writes what comes of them to stdout, one JSON object a line:

    → {"id": 1, "do": "outline" | "prepare" | "predict" | "run" | …, …}   in order, one at a time
    → {"do": "cancel", "id": 1}                                        honoured between two forward passes
    ← {"id": 1, "stage": "loading the model"}               what it is at
    ← {"id": 1, "events": [event, …]}                       as they are predicted
    ← {"id": 1, "entries": [entry, …]}, {"id": 1, "tests": [test, …]}   as they are found
    ← {"id": 1, "result": {…}} or {"id": 1, "error": {"kind": …, "message": …}}   the last of a job

An error's kind is `user`, `unavailable`, `cancelled` or `fault`. The process ends with its stdin. What anybody else
writes to stdout goes to stderr.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TextIO

from cwm_lsp.errors import Cancelled, UnavailableError, UserError
from cwm_lsp.trace.scopes import within_file

if TYPE_CHECKING:
    from cwm_lsp.dap.serving import Server
    from cwm_lsp.debugger import Debugger
    from cwm_lsp.evaluate import Evaluator
    from cwm_lsp.lsp.checker import Checker
    from cwm_lsp.predict.predictor import Predictor
    from cwm_lsp.record.recorder import RecorderPool
    from cwm_lsp.trace.events import Event, Trace

log = logging.getLogger(__name__)

Message = dict[str, Any]
Tell = Callable[[Message], None]

_FLUSH = 0.1
"""Seconds between two reports of predicted events."""
_BATCH = 50
"""Functions of an outline that are reported at once: no message shall keep the server for long."""


class Worker:
    """Does one job after the other."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Message] = SimpleQueue()
        self._cancels: dict[int, threading.Event] = {}
        self._recorders: RecorderPool | None = None
        self._evaluator: Evaluator | None = None
        self._predictor: tuple[Message, Predictor] | None = None
        self._loading = threading.Lock()
        self._adapters: dict[str, Server] = {}
        """Debug adapters, by the settings that they go by."""
        self._looking: tuple[Message, Debugger] | None = None
        """Who evaluates pinned expressions, by the settings that it goes by."""
        self._checker: Checker | None = None

    def read(self, lines: TextIO) -> None:
        """Take jobs and cancellations from a stream; the process ends with it, whatever is under way."""
        for line in lines:
            message = json.loads(line)
            if message["do"] == "cancel":
                cancel = self._cancels.get(message["id"])
                if cancel is not None:
                    cancel.set()
            else:
                self._cancels[message["id"]] = threading.Event()
                self._jobs.put(message)
        os._exit(0)

    def work(self) -> None:
        """Do jobs for ever."""
        while True:
            job = self._jobs.get()
            number = job["id"]
            try:
                answer: Message = {"result": self._do(job, self._cancels[number], partial(self._tell, number))}
            except Exception as error:
                answer = {"error": {"kind": _kind(error), "message": _told(error)}}
            del self._cancels[number]
            self._tell(number, answer)

    def _tell(self, number: int, message: Message) -> None:
        line = json.dumps({"id": number, **message})
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()

    def _do(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        if cancel.is_set():
            raise Cancelled
        match job["do"]:
            case "outline":
                return _outline(job, cancel, tell)
            case "prepare":
                return _prepare()
            case "predict":
                return self._predict(job, cancel, tell)
            case "examine machine":
                return _examine_machine(job)
            case "examine model":
                return self._examine_model(job, cancel, tell)
            case "run":
                return self._run(job, cancel, tell)
            case "debug adapter":
                return self._debug_adapter(job)
            case "look":
                return self._look(job)
            case "surprise":
                return self._surprise(job, cancel, tell)
            case "check call":
                return _check_call(job)
            case "repair":
                return self._repair(job, cancel, tell)
            case "side by side":
                return _side_by_side(job)
            case "verdicts":
                return self._verdicts(job, cancel, tell)
            case "crashes":
                return self._checking.crashes(job, cancel)
            case "run tests":
                return self._checking.run(job, cancel)
            case other:
                raise ValueError(f"unknown job {other!r}")

    def _predict(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        from cwm_lsp.evaluate import Around
        from cwm_lsp.jobs import runs_of
        from cwm_lsp.offering import Offering, doubted
        from cwm_lsp.predict.predictor import Budget, Task
        from cwm_lsp.source.environment import layout
        from cwm_lsp.source.functions import find
        from cwm_lsp.source.mending import mended
        from cwm_lsp.trace.facts import sure_part
        from cwm_lsp.verdicts.programs import OF_PYTEST

        source = mended(job["source"])
        function = find(source, job["function"], job["path"])
        path = Path(job["path"]).absolute()
        place = layout(path, source)
        workspace = str(place.root) if job["scope"] == "workspace" else None
        around = Around(str(path), job["python"], workspace, job["texts"], OF_PYTEST)
        predictor = self._predictor_of(job["model"], tell)
        reporter = _Reporter("predicting", tell)
        call = job["call"]
        if job["made_up"]:
            call = Offering(source, function, place.module, around, predictor.evaluator, cancel).fitted(call)
        trace = predictor.predict(
            Task(job["path"], source, function, call, place.module, around),
            assist=job["assist"],
            budget=Budget(**job["budget"]),
            on_event=reporter.event,
            cancel=cancel,
            runs=runs_of(job["path"], job["function"], call) if job["remember"] else (),
        )
        if cancel.is_set():
            raise Cancelled
        trace = replace(trace, outcome=sure_part(trace, job["sure"]).outcome)
        return _shown(doubted(trace, function) if job["made_up"] else trace, job["texts"])

    def _predictor_of(self, model: Message, tell: Tell) -> Predictor:
        from cwm_lsp.predict.predictor import Predictor

        with self._loading:
            if self._predictor is None or self._predictor[0] != model:
                tell({"stage": "loading the model"})
                self._predictor = None  # its memory is needed
                self._predictor = model, Predictor.load(**model)
            return self._predictor[1]

    def _debug_adapter(self, job: Message) -> Message:
        """Where a debug adapter listens that predicts with the model that is here."""
        from cwm_lsp.dap.serving import Server
        from cwm_lsp.debugger import Debugger
        from cwm_lsp.settings import Settings

        key = json.dumps([job["settings"], job["trusted"]], sort_keys=True)
        server = self._adapters.get(key)
        if server is None:
            settings = Settings.model_validate(job["settings"])
            model = settings.model.model_dump()
            backend = Debugger(
                settings,
                lambda: self._predictor_of(model, lambda _message: None),
                self._recorder_pool if job["trusted"] else None,
            )
            server = self._adapters[key] = Server(backend, _logged)
            threading.Thread(target=server.serve, name="debug adapter", daemon=True).start()
        return {"host": server.host, "port": server.port, "token": server.token}

    def _look(self, job: Message) -> Message:
        """What expressions are at the lines of a trace's function, as far as that is known."""
        from cwm_lsp.dap.evaluating import throughout
        from cwm_lsp.dap.program import Program
        from cwm_lsp.dap.protocol import Refused
        from cwm_lsp.debugger import Debugger
        from cwm_lsp.settings import Settings
        from cwm_lsp.trace.events import Trace

        trace = Trace.from_json(job["trace"], job["source"])
        settings = Settings.model_validate(job["settings"])
        if self._looking is None or self._looking[0] != job["settings"]:
            model = settings.model.model_dump()
            backend = Debugger(settings, lambda: self._predictor_of(model, lambda _message: None))
            self._looking = job["settings"], backend
        program = Program(trace, self._looking[1])
        pinned: dict[str, list[tuple[int, str, str]]] = {}
        for expression in job["expressions"]:
            with contextlib.suppress(Refused):
                found = throughout(program, program.walk.start, expression)
                pinned[expression] = [(at, one.text, one.provenance) for at, one in found if one.text is not None]
        return {"pinned": pinned}

    def _recorder_pool(self) -> RecorderPool:
        from cwm_lsp.record.recorder import RecorderPool

        with self._loading:
            if self._recorders is None:
                self._recorders = RecorderPool()
            return self._recorders

    def _run(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        """Run the call, and hold the run against its prediction."""
        from cwm_lsp.jobs import keep
        from cwm_lsp.offering import doubted
        from cwm_lsp.source.functions import find
        from cwm_lsp.trace.compare import compare
        from cwm_lsp.trace.events import Trace
        from cwm_lsp.trace.facts import sure_part

        recorded = self._recorder_pool().record(
            Path(job["path"]),
            job["function"],
            job["call"],
            python=job["python"] and Path(job["python"]),
            timeout=job["timeout"],
            scope=job["scope"],
            sandbox=job["sandbox"],
            on_event=_Reporter("running", tell).event,
            cancel=cancel,
            source=job["source"],
        )
        if cancel.is_set():
            raise Cancelled
        if job["remember"]:
            keep(recorded)
        if job["made_up"]:
            recorded = doubted(recorded, find(job["source"], job["function"], job["path"]))
        divergences = compare(sure_part(Trace.from_json(job["predicted"], job["source"]), job["sure"]), recorded)
        return {**_shown(recorded, {}), "divergences": [divergence.to_json() for divergence in divergences]}

    def _repair(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        """Edits of a function after which what is known of it holds."""
        from cwm_lsp.evaluate import Evaluator
        from cwm_lsp.repairs import repair_of
        from cwm_lsp.search.workspace import File
        from cwm_lsp.source.functions import find, syntax_error

        path, source = job["path"], job["source"]
        if error := syntax_error(source):
            raise UserError(f"{path} has a syntax error ({error}); mend it first")
        file = File(path, Path(path).absolute(), source, job["python"])
        self._evaluator = self._evaluator or Evaluator()
        repair = repair_of(file, find(source, job["function"], path), (), [self._evaluator], job["seconds"], cancel)
        if not any(known.holds is False for known in repair.look()):
            raise UserError(f"all that is known of {job['function']} holds: there is nothing to mend")
        for count, _ in enumerate(repair, 1):
            tell({"stage": f"{count} found"})
        edits = [
            {"title": fix.title(), "text": fix.text, "preferred": fix.is_whole and not fix.edit.guards}
            for fix in repair.ranked()
        ]
        return {"edits": edits}

    def _surprise(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        """Have the model alone read a run."""
        from cwm_lsp.trace.events import Trace

        predictor = self._predictor_of(job["model"], tell)
        trace = Trace.from_json(job["trace"], job["source"])

        def on_read(events: int) -> None:
            tell({"stage": f"{events:,} of {len(trace.events):,} events"})

        return predictor.read_if_possible(trace, cancel=cancel, on_read=on_read).to_json()

    @property
    def _checking(self) -> Checker:
        from cwm_lsp.lsp.checker import Checker

        if self._checker is None:
            self._checker = Checker()
        return self._checker

    def _verdicts(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        """How the tests of a document will end, told as they are known, several at a time."""
        tests: list[Message] = []
        reads: list[str] = []
        last = time.monotonic()
        for told in self._checking.verdicts(job, cancel):
            if cancel.is_set():
                raise Cancelled
            tests += told.get("tests", ())
            reads += told.get("reads", ())
            if tests and time.monotonic() - last >= _FLUSH:
                tell({"tests": tests})
                tests, last = [], time.monotonic()
        return {"tests": tests, "reads": reads}

    def _examine_model(self, job: Message, cancel: threading.Event, tell: Tell) -> Message:
        """What the doctor finds about the model; if it is the one at hand, it is not loaded again."""
        from cwm_lsp.doctor import examine_model
        from cwm_lsp.settings import Settings

        settings = Settings.model_validate(job["settings"])
        model = settings.model.model_dump()
        findings = examine_model(settings, lambda: self._predictor_of(model, tell), cancel)
        return {"findings": [finding.to_json() for finding in findings]}


class _Reporter:
    """Tells of events as they come, several at a time."""

    def __init__(self, stage: str, tell: Tell) -> None:
        self._stage = stage
        self._tell = tell
        self._count = 0
        self._events: list[Message] = []
        self._last = time.monotonic()

    def event(self, event: Event) -> None:
        if self._count == 0:
            self._tell({"stage": self._stage})
        self._count += 1
        self._events.append(event.to_json())
        now = time.monotonic()
        if now - self._last >= _FLUSH:
            self._tell({"events": self._events})
            self._events, self._last = [], now


def _prepare() -> Message:
    """Import what a prediction needs, before one is asked for."""
    from cwm_lsp.lsp.views import unreached
    from cwm_lsp.predict import predictor
    from cwm_lsp.source import environment

    return {"ready": [module.__name__ for module in (unreached, predictor, environment)]}


def _outline(job: Message, cancel: threading.Event, tell: Tell) -> Message:
    from cwm_lsp.lsp.outline import outline
    from cwm_lsp.record.store import TraceStore
    from cwm_lsp.source.mending import mended
    from cwm_lsp.source.recovery import parse

    store = TraceStore.of(job["path"])
    recorded, runs = store.calls(job["path"]), store.last_runs(job["path"])
    entries: list[Message] = []
    for entry in outline(mended(job["source"]), job["path"], [Path(root) for root in job["roots"]], recorded, runs):
        if cancel.is_set():
            raise Cancelled
        entries.append(entry.to_json())
        if len(entries) == _BATCH:
            tell({"entries": entries})
            entries = []
    parsed = parse(job["source"])
    broken = {function.qualname: function.error for function in parsed.broken}
    return {"entries": entries, "error": parsed.error, "broken": broken}


def _examine_machine(job: Message) -> Message:
    """What the doctor finds about everything but the model."""
    from cwm_lsp.doctor import examine_machine
    from cwm_lsp.settings import Settings

    settings = Settings.model_validate(job["settings"])
    folder = Path(job["folder"]) if job["folder"] else None
    return {"findings": [finding.to_json() for finding in examine_machine(settings, folder=folder)]}


def _shown(trace: Trace, texts: Mapping[str, str]) -> Message:
    """A trace, and what its views need to know of the texts of its files; `texts` has those that are not as on disk."""
    from cwm_lsp.source.files import read_source
    from cwm_lsp.trace.facts import is_fact

    others: list[Message] = []
    for path in dict.fromkeys(event.path for event in trace.events if event.path is not None):
        try:
            text = texts[path] if path in texts else read_source(path)
        except UserError:  # it has gone meanwhile
            text = ""
        part = replace(within_file(trace, path)[0], source=text)
        told = _of_text(part)
        if trace.outcome.cut is not None or not is_fact(trace):
            told["unreached"] = []  # what comes after its end may lead there
        others.append({"path": path, "source": text, **told})
    return {"trace": trace.to_json(), **_of_text(within_file(trace)[0]), "others": others}


def _of_text(trace: Trace) -> Message:
    from cwm_lsp.lsp.views.shape import Shape
    from cwm_lsp.lsp.views.unreached import unreached

    shape = Shape.of(trace.source, {event.line for event in trace.events})
    return {"shape": shape.to_json(), "unreached": unreached(trace)}


def _check_call(job: Message) -> Message:
    from cwm_lsp.source.bind import bind
    from cwm_lsp.source.functions import find
    from cwm_lsp.source.mending import mended

    source = mended(job["source"])
    try:
        bind(job["call"], find(source, job["function"], job["path"]), source)
    except UserError as error:
        return {"problem": str(error)}
    return {"problem": None}


def _side_by_side(job: Message) -> Message:
    from cwm_lsp.lsp.views.document import ending
    from cwm_lsp.trace.events import Trace
    from cwm_lsp.trace.side_by_side import side_by_side

    predicted, recorded = (
        job[side] and Trace.from_json(job[side], job["source"]) for side in ("predicted", "recorded")
    )
    return side_by_side(predicted, recorded, ending)


def _kind(error: Exception) -> str:
    match error:
        case UserError():
            return "user"
        case UnavailableError():
            return "unavailable"
        case Cancelled():
            return "cancelled"
    return "fault"


def _told(error: Exception) -> str:
    if isinstance(error, UserError | UnavailableError):
        return str(error)
    if isinstance(error, Cancelled):
        return "cancelled"
    log.exception("a job failed")
    return f"{type(error).__name__}: {error}"


def _logged() -> str:
    log.exception("a debug session failed")
    return "this is a fault of cwm-lsp, and its details are in the server's log"


def main() -> None:
    """Serve the parent process until it closes our stdin."""
    logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
    # Only protocol lines may go to the real stdout.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(out)
    threading.Thread(target=worker.read, args=(sys.stdin,), name="reader", daemon=True).start()
    worker.work()


if __name__ == "__main__":
    main()
