"""Calls to predict: those of the programs with every statement."""

import ast

from cwm_lsp.predict.engines.replay import ReplayEngine
from cwm_lsp.predict.predictor import Task
from cwm_lsp.predict.prompt import Prompt
from cwm_lsp.predict.transcript import Transcript
from cwm_lsp.source.functions import find
from tests.trace.programs import PROGRAMS
from tests.trace.tracer import record


def task_of(source, call, path="program.py"):
    function = next(node.func for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call))
    return Task(path, source, find(source, ast.unparse(function), path), call)


def tasks():
    return {name: task_of(source, call) for name, (source, call) in PROGRAMS.items()}


def replayed(tokenizer, task, events):
    """An engine whose model writes just these events, the first of which it is given."""
    engine = ReplayEngine(tokenizer)
    prompt = Prompt(task.source, events[0], task.function.def_line, task.function, wrapped=False)
    transcript = Transcript(engine, None, prompt, events)
    engine.script = transcript.header + transcript.tokens(0)
    return engine, prompt


def recorded(name):
    return record(*PROGRAMS[name])
