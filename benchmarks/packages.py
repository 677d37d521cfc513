"""What is known, and what is guessed, of calls that published packages make of their own functions.

    python benchmarks/packages.py FOLDER [PACKAGE ...] [--calls N] [--reasons N] [--rows FILE] [--json]

FOLDER holds unpacked source distributions, one a folder; nothing is downloaded. Of each function the best call is taken
that is found in the package's doctests and tests, of at most N functions of a package. A call is
recorded with `sys.settrace` in a process of its own with limits, so the packages' code is run here, in an empty folder;
it is evaluated and predicted, as a single file, in another. Calls that do not get into the function when they are run
are left out. CPython 3.11 gives the reference.

A guess is shown where its confidence reaches the default of the editor's hints; it is right where the run has that
value at that step. `--rows` writes every call with its guesses, a JSON object a line. `--readings`, with a `--model`
that is not calibrated, has it read each run and writes what it would have said: `python -m cwm_lsp.lab calibrate` fits
confidence on that.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import json
import os
import re
import resource
import select
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast
from unittest import mock
from zlib import crc32

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Around, Evaluation, Limits, Question
from cwm_lsp.predict import prediction
from cwm_lsp.predict.engines import BUNDLED
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.predict.reprs import kind_of
from cwm_lsp.predict.trust import Trust
from cwm_lsp.settings import Hints
from cwm_lsp.source.calls import candidates_of
from cwm_lsp.source.environment import layout
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import find, functions
from cwm_lsp.source.prepared import read_call
from cwm_lsp.trace.compare import align
from cwm_lsp.trace.effects import steps
from cwm_lsp.trace.events import Event, Outcome, Provenance, Trace
from cwm_lsp.trace.scopes import within_file
from cwm_lsp.trace.values import same_value
from tests.evaluate.recording import FILE, Evaluated, contradictions, record_in

EVENTS = 2_000
SECONDS = 5
LEAST = 0.05
"""The chance below which a guess is not looked at: the model itself would not bet on it."""
CALL_SECONDS = 60
"""Of one recording or prediction, the start of its process included."""
MEMORY = 4 * 2**30
LARGEST = 300_000
"""Characters of a file that is read."""
FOUND = ("doctest", "test", "main", "assertion")
_NO_PART = re.compile(r"(^|[/_])(tests?|testing|docs?|examples?|benchmarks?|vendor|setup|conftest)([/_.]|$)")
_TESTS = re.compile(r"(^|[/_])tests?([/_.]|$)")


@dataclass(frozen=True, slots=True)
class Case:
    """A call that a package makes of one of its functions."""

    package: str
    path: str
    function: str
    call: str
    origin: str


def cases(folder: Path, most: int) -> list[Case]:
    """The best found call of so many functions of a package, drawn by their names."""
    texts = {}
    for path in sorted(folder.rglob("*.py")):
        with contextlib.suppress(UserError):
            texts[path] = read_source(path)
    names = {path: path.relative_to(folder).as_posix() for path in texts}
    tests = {str(path): text for path, text in texts.items() if _TESTS.search(names[path]) and len(text) < LARGEST}
    found: list[Case] = []
    for path, source in texts.items():
        if _NO_PART.search(names[path]) or len(source) > LARGEST:
            continue
        wanted = [function for function in functions(source) if not function.is_async]
        for function, calls in zip(wanted, candidates_of(wanted, source, path=str(path), tests=tests), strict=True):
            call = next((call for call in calls if call.origin in FOUND), None)
            if call is not None:
                found.append(Case(folder.name, str(path), function.qualname, call.expression, call.origin))
    drawn = sorted(found, key=lambda case: crc32(f"{names[Path(case.path)]}:{case.function}".encode()))
    return drawn[:most]


# One end: processes that work through cases


def serve(work: Callable[[Case], Any]) -> None:
    """Answer cases that come as lines of JSON, whatever the code that is run prints or breaks."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    answers, questions = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(0), "r")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.setrecursionlimit(1000)
    for line in questions:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                answer = work(Case(**json.loads(line)))
            except BaseException as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # whatever threads the package has started


def record(case: Case) -> Any:
    """The events of a real run of a call, the package imported anew."""
    path = Path(case.path)
    source = read_source(path)
    found = layout(path, source)
    sys.path[:0] = [folder for folder in found.sys_path if folder not in sys.path]
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(found.root)):
            del sys.modules[name]
    usual = SourceFileLoader.get_code

    def code(loader: SourceFileLoader, name: str) -> Any:
        here = loader.path == case.path
        return compile(source, FILE, "exec", dont_inherit=True) if here else usual(loader, name)

    with mock.patch.object(SourceFileLoader, "get_code", code):
        module = importlib.import_module(found.module)
    call = read_call(case.call)
    exec(compile(call.text_before(), "<before>", "exec"), module.__dict__)
    recorded = record_in(module, ast.unparse(call.expression), case.function, events=EVENTS)
    return {"events": [event.to_json() for event in recorded], "cut": recorded.cut}


def evaluated(case: Case, source: str, module: str) -> tuple[Evaluated, str | None]:
    """An evaluation up to the first question that only a model could answer, and why it ended there."""
    limits = Limits(events=EVENTS + 1, seconds=SECONDS)
    around = Around(case.path, None)
    evaluation = Evaluation(source, case.call, case.function, limits=limits, module=module, around=around)
    events: list[Event] = []
    for step in evaluation:
        if not isinstance(step, Question):
            events.append(step)
        elif step.suggestions:
            evaluation.answer(dict(step.suggestions))
        else:
            evaluation.close()
            text = source.split("\n")[step.line - 1].strip() if step.line else ""
            return Evaluated(events, None, len(events), evaluation), f"{step.kind} asked: {text}"
    return Evaluated(events, evaluation.gave_up, None, evaluation), evaluation.gave_up


class Told(Trust):
    """Trust that tells of each guess: the event it is in, whether it is of a `step` or of which value, and its chance,
    taken by itself."""

    guesses: ClassVar[list[tuple[int, str, float]]] = []
    events: ClassVar[int] = 0

    def goes(self, chance: float) -> None:
        if chance < 1:
            self.guesses.append((Told.events, "step", chance))
        super().goes(chance)

    def _weighed(self, event: Event, guessed: Mapping[str, float], kept: Mapping[str, Provenance]) -> Event:
        self.guesses.extend((Told.events, name, chance) for name, chance in guessed.items() if chance < 1)
        Told.events += 1
        return super()._weighed(event, guessed, kept)


def predict(case: Case, model: str, sure: float) -> Any:
    """What is computed and what is predicted of a call, as far as it is sure."""
    vars(prediction)["Trust"] = Told
    path = Path(case.path)
    source = read_source(path)
    module = layout(path, source).module
    try:
        found, reason = evaluated(case, source, module)
    except (SyntaxError, UserError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    answer = {
        "events": [event.to_json() for event in found.events],
        "reason": reason,
        "asked_at": found.asked_at,
        "gave_up": found.gave_up,
    }
    if not model:
        return {**answer, "trace": None}
    global _predictor
    _predictor = _predictor or Predictor.load(model)
    function = find(source, case.function, case.path)
    budget = Budget(EVENTS, 2_000, 3 * SECONDS, sure)
    Told.guesses.clear()
    Told.events = 0
    try:
        task = Task(case.path, source, function, case.call, module, Around(case.path, None))
        trace = _predictor.predict(task, budget=budget)
    except UserError:
        return {**answer, "trace": None}
    return {**answer, "trace": trace.to_json(), "told": Told.guesses}


_predictor: Predictor | None = None


# The other end


class Worker:
    """A process that works through cases of one package, renewed where one of them ends it."""

    def __init__(self, role: str, model: str, sure: float) -> None:
        self._options = "--role", role, "--model", model, "--sure", str(sure)
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory()

    def ask(self, case: Case) -> Mapping[str, Any]:
        """The answer; with an `error` alone where there is none."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__, self._folder.name, *self._options],
                cwd=self._folder.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin and self._process.stdout
        try:
            print(json.dumps(asdict(case)), file=self._process.stdin, flush=True)
            ready, _, _ = select.select([self._process.stdout], [], [], CALL_SECONDS)
            line = self._process.stdout.readline() if ready else ""
            return cast("Mapping[str, Any]", json.loads(line))
        except (ValueError, BrokenPipeError):
            self.close()
            return {"error": "the process ended or took too long"}

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def guesses(predicted: Trace, recorded: Trace) -> Iterator[dict[str, Any]]:
    """What a prediction guessed: each value that a step made or that left a scope, and whether the run had it there."""
    aligned = {left: right for left, right in align(predicted, recorded) if left is not None}

    def guess(index: int, name: str) -> dict[str, Any] | None:
        event = predicted.events[index]
        if event.provenance.get(name) != "predicted":
            return None
        other = aligned.get(index)
        actual = recorded.events[other] if other is not None else None
        text = event.locals[name] if event.kind in ("call", "line") else event.value or "None"
        real = None if actual is None else actual.locals.get(name) if actual.kind in ("call", "line") else actual.value
        return {
            "index": index,
            "kind": event.kind,
            "name": name,
            "text": text[:200],
            "real": real and real[:200],
            "confidence": event.confidences.get(name),
            "right": real is not None and same_value(text, real),
        }

    for step in steps(predicted.events):
        made = [(step.effect, name) for name in step.produced] if step.effect is not None else []
        made += [(step.end, "value")] if step.end is not None else []
        yield from (one for one in (guess(index, name) for index, name in made) if one is not None)


def measure(case: Case, run: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a call."""
    row: dict[str, Any] = {**asdict(case), "reason": found.get("error") or found.get("reason")}
    if "error" in found:
        return row | {"begun": False, "whole": False, "wrong": [], "guesses": []}
    source = read_source(case.path)
    real = [Event.from_json(event) for event in run["events"]]
    trace = Trace(case.function, case.call, case.path, "recorded", source, tuple(real), Outcome("return"))
    got = within_file(replace(trace, events=tuple(map(Event.from_json, found["events"]))))[0].events
    asked_at = len(got) if found["asked_at"] is not None else None
    result = Evaluated(list(got), found["gave_up"], asked_at, cast("Any", None))
    wrong = contradictions(real, result, whole=not run["cut"])
    row |= {"begun": bool(got), "whole": found["reason"] is None, "wrong": wrong, "guesses": [], "events": len(real)}
    if found["trace"] is not None and not run["cut"]:
        predicted = Trace.from_json(found["trace"], source)
        row |= {
            "guesses": list(guesses(within_file(predicted)[0], trace)),
            "first": first_guess(found, predicted, real),
        }
        row |= {"outcome": found["trace"]["outcome"]}
    return row


def first_guess(found: Mapping[str, Any], predicted: Trace, real: Sequence[Event]) -> dict[str, Any] | None:
    """The first thing that was guessed of a call, with its chance by itself, and whether it is right."""
    if not found["told"] or any(event.path for event in predicted.events):
        return None
    skipped = found["told"][-1][0] + 1 - len(predicted.events)  # events before the call, if any
    at, what, chance = found["told"][0]
    index = max(at - max(skipped, 0), 0)
    if index >= min(len(predicted.events), len(real)):
        return None
    guess, actual = predicted.events[index], real[index]
    same_place = (guess.kind, guess.line, guess.depth) == (actual.kind, actual.line, actual.depth)
    if what == "step":
        return {"what": what, "kind": "step", "chance": chance, "right": same_place}
    text = guess.locals.get(what, guess.value or "")
    shown = actual.locals.get(what, actual.value or "")
    kept = index > 0 and predicted.events[index - 1].locals.get(what) == text
    kind = "same" if kept and guess.kind == "line" else kind_of(text)
    right = same_place and same_value(text, shown)
    return {"what": what, "kind": kind, "returned": guess.kind == "return", "chance": chance, "right": right}


def of_package(folder: Path, most: int, model: str, sure: float, say: TextIO) -> Iterator[dict[str, Any]]:
    """The calls of one package, measured."""
    recorder, predictor = Worker("record", model, sure), Worker("predict", model, sure)
    try:
        chosen = cases(folder, most)
        for case in chosen:
            run = recorder.ask(case)
            if run.get("events"):
                yield measure(case, run, predictor.ask(case))
            else:
                why = run.get("error", "does not enter the function")
                say.write(f"not run: {case.package} {case.call[:100]}: {why}\n")
    finally:
        recorder.close()
        predictor.close()


def reading(case: Case, run: Mapping[str, Any], predictor: Predictor) -> list[dict[str, Any]]:
    """What the model says of a run, step by step, all before it being known: each guess with its kind and chance."""
    events = tuple(map(Event.from_json, run["events"]))
    source = read_source(case.path)
    trace = Trace(case.function, case.call, case.path, "recorded", source, events, Outcome("return", events[-1].value))
    found = []
    for surprise in predictor.read_if_possible(trace).surprises:
        event, before = events[surprise.event_index], events[surprise.event_index - 1]
        for name, bits in surprise.parts.items():
            text = surprise.expected.get(name)
            other_step = surprise.expected_kind is not None or surprise.expected_line is not None
            right = not other_step if name == "step" else text is None
            chance = 2**-bits if right else surprise.expected_confidences.get(name, 0.0)
            if bits > 0 and chance > LEAST:
                text = text or event.locals.get(name, event.value) or ""
                kept = before.locals.get(name) == text and event.kind == "line"
                kind = "step" if name == "step" else "same" if kept else kind_of(text)
                found.append({"kind": kind, "returned": event.kind == "return", "chance": chance, "right": right})
    return found


def read_all(folders: Sequence[Path], most: int, model: str, file: TextIO) -> None:
    """Record the calls of packages and have a model read them."""
    predictor = Predictor.load(model)
    for folder in folders:
        recorder = Worker("record", model, 0.0)
        try:
            for case in cases(folder, most):
                run = recorder.ask(case)
                if run.get("events") and not run["cut"]:
                    found = reading(case, run, predictor)
                    print(json.dumps({"package": case.package, "guesses": found}), file=file, flush=True)
        finally:
            recorder.close()


def shown(row: Mapping[str, Any], threshold: float) -> list[bool]:
    """For each guess of a call that would be shown, whether it is right."""
    return [one["right"] for one in row["guesses"] if one["confidence"] is None or one["confidence"] >= threshold]


def summary(rows: Sequence[Mapping[str, Any]], threshold: float) -> dict[str, Any]:
    """Shares over calls."""
    count = max(len(rows), 1)
    by_call = [values for row in rows if (values := shown(row, threshold))]
    values = [right for right_ones in by_call for right in right_ones]
    return {
        "packages": len({row["package"] for row in rows}),
        "calls": len(rows),
        "begun": sum(row["begun"] for row in rows) / count,
        "computed to their end": sum(row["whole"] for row in rows) / count,
        "contradicted": sum(bool(row["wrong"]) for row in rows),
        "calls with shown guesses": len(by_call),
        "shown guesses": len(values),
        "right, mean over calls": sum(sum(one) / len(one) for one in by_call) / max(len(by_call), 1),
        "right, mean over values": sum(values) / max(len(values), 1),
    }


def reasons(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Why calls were not computed to their end; numbers made the same."""
    return Counter(re.sub(r"\d[\d,]*", "N", row["reason"]) for row in rows if row["reason"] and not row["whole"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", nargs="*", help="beginnings of names of folders; left out: all")
    parser.add_argument("--calls", type=int, default=20, help="at most so many of one package")
    parser.add_argument("--reasons", type=int, default=30, help="how many reasons for not knowing are listed")
    parser.add_argument("--rows", type=Path, help="write every call to this file, a JSON object a line")
    parser.add_argument("--model", default=BUNDLED, help="what guesses; '' is nothing")
    parser.add_argument("--sure", type=float, default=Hints().min_confidence, help="what is less likely is not shown")
    parser.add_argument("--readings", type=Path, help="write what --model says of the runs to this file, and no more")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--role", choices=("record", "predict"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        serve(record if arguments.role == "record" else partial(predict, model=arguments.model, sure=arguments.sure))
    folders = [folder for folder in sorted(arguments.folder.iterdir()) if folder.is_dir()]
    wanted = tuple(arguments.packages)
    if arguments.readings:
        with arguments.readings.open("w") as file:
            some = [folder for folder in folders if not wanted or folder.name.startswith(wanted)]
            read_all(some, arguments.calls, arguments.model, file)
        return
    rows: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(arguments.rows.open("w")) if arguments.rows else None
        for folder in folders:
            if wanted and not folder.name.startswith(wanted):
                continue
            for row in of_package(folder, arguments.calls, arguments.model, arguments.sure, sys.stderr):
                rows.append(row)
                if file is not None:
                    print(json.dumps(row), file=file, flush=True)
    found = summary(rows, arguments.sure)
    if arguments.json:
        print(json.dumps({**found, "reasons": dict(reasons(rows))}))
        return
    for name, value in found.items():
        print(f"{value:>8.1%} {name}" if isinstance(value, float) else f"{value:>8} {name}")
    for reason, times in reasons(rows).most_common(arguments.reasons):
        print(f"{times:>6} {reason}")
    for row in rows:
        for text in row["wrong"]:
            print(f"CONTRADICTED {row['path']}:{row['function']} {row['call']}: {text}")


if __name__ == "__main__":
    main()
