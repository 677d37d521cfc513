"""Nothing of the program runs, however it asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question

ATTEMPTS = [
    "open(PATH, 'w')",
    "__import__('os').system('touch ' + PATH)",
    "__import__('pathlib').Path(PATH).touch()",
    "eval('open(PATH, \"w\")')",
    "exec('open(PATH, \"w\")')",
    "list(map(eval, ['open(%r, \"w\")' % PATH]))",
    "functools.reduce(eval, ['open(%r, \"w\")' % PATH])",
    "functools.partial(eval, 'open(%r, \"w\")' % PATH)()",
    "sorted(['open(%r, \"w\")' % PATH], key=eval)",
    "re.sub('.*', eval, 'open(%r, \"w\")' % PATH)",
    "getattr(Trick(), 'open(%r, \"w\")' % PATH)",
    "copy.deepcopy(Reduced())",
    "dataclasses.dataclass(Injected)",
    "typing.get_type_hints(Hinted)",
    "[c for c in ().__class__.__base__.__subclasses__()]",
    "operator.call(open, PATH, 'w')",
    "operator.methodcaller('__class__')(1)",
    "(lambda: 0).__globals__['__builtins__']",
    "f.__globals__",
    "f.call",
    "str.__subclasses__()",
    "(i for i in ()).gi_frame.f_globals",
    "globals()['open'](PATH, 'w')",
    "vars(__builtins__)['open'](PATH, 'w')",
    "'{0.__globals__}'.format(f)",
    "string.Formatter().format('{0.__init__.__globals__}', f)",
    "list(map(getattr, [object], ['__subclasses__']))[0]()",
    "Got() + '__subclasses__'",
    "__loader__.load_module('os')",
    "compile('1', '', 'eval')",
    "type('X', (), {'__del__': open})",
    "enum.global_enum",
    "json.loads('[1]', object_hook=eval)",
]
PROGRAM = """
import copy, dataclasses, enum, functools, json, operator, re, string, typing
PATH = {path!r}
class Trick:
    __getattr__ = eval
class Got:
    __add__ = getattr
class Reduced:
    def __reduce__(self):
        return open, (PATH, 'w')
class Injected:
    __annotations__ = {{"x=open({path!r}, 'w')": int}}
class Hinted:
    __annotations__ = {{"x": "open({path!r}, 'w')"}}
def f():
    return {attempt}
"""


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_to_break_out_has_no_effect(attempt: str, tmp_path: Path) -> None:
    target = tmp_path / "touched"
    source = PROGRAM.format(path=str(target), attempt=attempt)
    evaluation = Evaluation(source, "f()", "f", limits=Limits(seconds=5))
    for step in evaluation:
        if isinstance(step, Question):
            evaluation.answer({} if step.kind == "values" else None)
    assert not target.exists()
    shown = evaluation.outcome.value if evaluation.outcome is not None else None
    assert shown is None or ("module" not in shown and "cwm_lsp" not in shown and "subprocess" not in shown)


def test_a_file_is_not_run_to_be_read(tmp_path: Path) -> None:
    target = tmp_path / "touched"
    source = f"open({str(target)!r}, 'w').close()\nimport nothing_of_that_name\ndef f():\n    return 1\n"
    evaluation = Evaluation(source, "f()", "f")
    steps = list(evaluation)
    assert not target.exists()
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == "1"
    assert not [step for step in steps if isinstance(step, Question)]
