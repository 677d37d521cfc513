"""Expectations that are written down, and what becomes of them: tests and doctests, evaluated and never run.

    verifier = Verifier(jobs=2)
    for file, verdicts in verifier.verify(list(files([Path("tests")], Path.cwd()))):
        print(verdicts[0].test, verdicts[0].verdict)

A verdict is `pass` or `fail` only where everything that the test does was computed; else it is `unknown`, with
a reason.
"""
