"""Programs that between them have every statement, and the calls that run them: a name, a source, a call."""

from tests.annotated import programs

PROGRAMS: dict[str, tuple[str, str]] = {
    name: (program.source, program.call) for name, program in programs("statements").items()
}
