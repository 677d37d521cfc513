"""The options that commands share, and the settings that they mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cwm_lsp.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several shared options as one decorator, in the order that `--help` shows."""

    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


WORK = options(
    click.argument("target", metavar="[FILE[:FUNCTION]]", required=False),
    click.option(
        "--call",
        metavar="EXPR",
        help="The call, as source: 'f(3, \"a\")', 's = Stack(); s.push(1); s.pop()'. Default: the best one known.",
    ),
    click.option(
        "--batch",
        metavar="CASES.jsonl",
        type=click.Path(path_type=Path),
        help='Many calls instead: rows {"path", "function", "call"} in, one result a line out, in order.',
    ),
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on stdout.")
MODEL = options(
    click.option("--model", metavar="bundled|PATH|HUB_ID|URL|vllm:MODEL", help="The world model (default: bundled)."),
    click.option(
        "--quantization",
        type=click.Choice(["auto", "none", "int8", "nf4"]),
        help="How the weights of PATH or HUB_ID are held (default: as precisely as the memory allows).",
    ),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda", "xpu", "mps"]), help="Where PATH or HUB_ID is computed."
    ),
    click.option("--memory", metavar="GB", type=click.FloatRange(min=0.1), help="What it may take of the device."),
    click.option(
        "--assist",
        type=click.Choice(["off", "draft", "lock"]),
        help="off: the model alone. draft: the same output, sooner. lock: what can be computed is computed (default).",
    ),
)
RUN = options(
    click.option(
        "--python",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="The interpreter that runs the call (default: the project's virtual environment, else this one).",
    ),
    click.option(
        "--timeout", metavar="S", type=click.FloatRange(min=0.1), help="Seconds a run may take (default: 10)."
    ),
    click.option(
        "--sandbox/--no-sandbox",
        default=None,
        help="The run changes no file but in a temporary folder of its own, and uses no network (Linux).",
    ),
)
SCOPE = click.option(
    "--scope",
    type=click.Choice(["file", "workspace"]),
    help="Whose steps are told: the file's, or also those of other files of its project (default).",
)
MEMORY = click.option(
    "--no-memory", "remember", flag_value=False, default=None, help="Keep nothing of a run, and remember none."
)
SEARCHING = (
    click.option("--seconds", metavar="N", type=click.FloatRange(min=0.1), help="What all of it may take."),
    click.option("--seed", metavar="N", type=int, default=0, help="Other random calls (default: 0)."),
)
PYTHON = click.option(
    "--python", metavar="PATH", type=click.Path(path_type=Path), help="The interpreter that would run it."
)
SEARCH = options(
    *SEARCHING,
    click.option("--jobs", metavar="N", type=click.IntRange(min=1), help="Searches at once (default: one a core)."),
)


def settings_of(choices: Mapping[str, Any]) -> Settings:
    """The settings: options that were given, then the environment, then `pyproject.toml` of the working folder."""
    from cwm_lsp.settings import from_environment, from_flags, from_pyproject, resolve

    resolution = resolve([from_flags(flags_of(choices)), from_environment(os.environ), from_pyproject(Path.cwd())])
    for problem in resolution.problems:
        say("warning", "yellow", problem)
    return resolution.settings


def alone(choices: Mapping[str, Any], batch: Path | None) -> Mapping[str, Any]:
    """Results of a batch depend on its rows alone: nothing is remembered, and nothing kept."""
    return choices if batch is None else {**choices, "remember": False}


def flags_of(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Options that were given, as settings by dotted name."""
    names = {
        "model": "model.name",
        "quantization": "model.quantization",
        "device": "model.device",
        "memory": "model.memory",
        "assist": "predict.assist",
        "python": "record.python",
        "timeout": "record.timeout",
        "scope": "record.scope",
        "remember": "record.remember",
        "sandbox": "record.sandbox",
    }
    return {
        names[option]: str(value) if isinstance(value, Path) else value
        for option, value in choices.items()
        if value is not None
    }


def say(word: str, colour: str, message: str) -> None:
    """`word: message` on one line of stderr."""
    from cwm_lsp.terminal import visible

    click.echo(click.style(f"{word}: ", fg=colour, bold=True) + visible(message), err=True)
