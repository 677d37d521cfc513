"""Every setting of the language server: one typed schema, from which the documentation, VS Code's configuration and the
parsing of all sources are derived.

A setting's name is its dotted path in camelCase (`hints.maxLength`). Sources may spell it in their own custom:
`hints.max_length` and `hints.max-length` in `pyproject.toml`, `CWM_LSP_HINTS_MAX_LENGTH` in the environment. The first
source that names a setting wins; see `resolve`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SECTION = "cwm-lsp"
"""What editors call the settings as a whole, and the table under `[tool]` in `pyproject.toml`."""
_ENVIRONMENT = "CWM_LSP_"

RESTRICTED: JsonDict = {"trust": "restricted"}
"""Marks a setting that names what is run or loaded: an untrusted workspace may not choose it."""


class _Group(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True
    )


class Model(_Group):
    """The world model."""

    name: str = Field(default="bundled", min_length=1, json_schema_extra=RESTRICTED)
    """What predicts: `bundled`, a folder with a checkpoint, a hub id, a server: `http://host:port#model`,
    or `vllm:` and a folder or hub id: a vLLM server is started, and shared by all editors."""
    quantization: Literal["auto", "none", "int8", "nf4"] = "auto"
    """How the weights of a folder or hub id are held. `auto`: as precisely as the memory allows."""
    device: Literal["auto", "cpu", "cuda", "xpu", "mps"] = "auto"
    """Where a folder or hub id is computed."""
    memory: float | None = Field(default=None, ge=0.1, le=10_000)
    """GB of the device that a folder or hub id may take. Default: what is free."""
    server_python: str | None = Field(default=None, min_length=1, json_schema_extra=RESTRICTED)
    """Interpreter of an environment that has vLLM, for `vllm:` models. Default: our own, or that of `vllm` on PATH."""
    tokenizer: str | None = Field(default=None, min_length=1, json_schema_extra=RESTRICTED)
    """Folder or hub id of the tokenizer of a server's model, unless the server names one that is at hand."""
    timeout: float = Field(default=30.0, ge=0.1, le=3_600)
    """Seconds that a server may take for one answer. API keys are only read from the variable `CWM_LSP_API_KEY`."""
    warn_public: bool = False
    """Log a warning where a server has no private address: it is sent what is predicted."""


class Predict(_Group):
    """When and how calls are predicted. Predicting never runs the user's code."""

    trigger: Literal["auto", "manual", "onSave", "onType"] = "auto"
    """What starts a prediction. `auto`: typing, as long as the model takes under a second; else a command."""
    debounce: int = Field(default=300, ge=50, le=10_000)
    """Milliseconds without an edit before typing starts a prediction."""
    assist: Literal["off", "draft", "lock"] = "lock"
    """`off`: the model alone. `draft`: the same output, sooner. `lock`: what can be computed is computed."""
    max_events: int = Field(default=5_000, ge=1, le=10_000)
    """Events after which a prediction is cut off."""
    max_tokens: int = Field(default=16_384, ge=1, le=131_072)
    """Tokens after which a prediction is cut off."""
    timeout: float = Field(default=30.0, ge=0.1, le=3_600)
    """Seconds after which a prediction is cut off."""
    max_functions: int = Field(default=20, ge=1, le=1_000)
    """Functions of one file that are predicted without being asked for."""


class Record(_Group):
    """Running calls, on command only, to compare the prediction with."""

    python: str | None = Field(default=None, min_length=1, json_schema_extra=RESTRICTED)
    """The interpreter that runs the call. Without one: the project's virtual environment, else the server's own."""
    timeout: float = Field(default=10.0, ge=0.1, le=600)
    """Seconds that a run may take."""
    scope: Literal["file", "workspace"] = "workspace"
    """Whose steps are predicted and recorded: the `file`'s alone, or also those of other files of the `workspace`."""
    sandbox: bool = False
    """A run can change no file but in a temporary folder of its own, and use no network. On Linux (6.2 and newer)."""
    remember: bool = True
    """Keep what runs saw, on this machine and for this user alone, and predict with it what cannot be computed. Values
    of names that look like secrets are not kept; `cwm-lsp forget` removes all."""


class Hints(_Group):
    """Values at the ends of lines."""

    enable: bool = True
    """Show the values that a line produces at its end."""
    only: tuple[str, ...] = ()
    """Show the values of these variables alone; names may have `*`. In one function: a comment `# cwm: watch total`."""
    hide: tuple[str, ...] = ()
    """Do not show the values of these variables; names may have `*`."""
    max_length: int = Field(default=60, ge=10, le=500)
    """Characters that the hint of one line may take. The whole values are in the hover."""
    min_confidence: float = Field(default=0.94, ge=0, le=1)
    """What is less likely to be right is not told: the chance of a guess is that of all guesses on the way to it,
    fitted on calls of published packages for the bundled model (see the model card)."""
    show_confidence: bool = False
    """Show beside a predicted value how sure the model is."""


class Hover(_Group):
    """The table of a line's variables."""

    enable: bool = True
    """Show the variables of a line in its hover."""


class Diagnostics(_Group):
    """What goes wrong."""

    enable: bool = True
    """Report computed exceptions, doctests and assertions that do not hold, and where a run contradicts what was
    computed."""
    severity: Literal["error", "warning", "information", "hint"] = "information"
    """How loud the reports are."""
    guesses: bool = False
    """Report also exceptions that the model guesses. They always show in hints, hover and trace."""
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    """With `guesses`: exceptions of which the model is less sure are not reported."""


class Verdicts(_Group):
    """Tests and doctests, before they are run."""

    enable: bool = True
    """Tell of open files which tests, doctests and assertions will likely pass. Nothing is run for that."""


class Crashes(_Group):
    """Calls that nobody wrote, on which a function crashes."""

    enable: bool = True
    """Look for calls within a function's own hints on which it crashes or never ends. Nothing is run for that."""
    seconds: float = Field(default=10.0, ge=0.1, le=60)
    """Seconds of a minute that this may take."""
    deliberate: bool = False
    """Report also what the code raises itself, and assertions of its own that do not hold."""


class Lenses(_Group):
    """Commands above functions."""

    enable: bool = True
    """Show the call in use, and what can be done with it, above functions."""
    show: Literal["all", "found", "cursor"] = "found"
    """Above which. `found`: those of which a call was found, and the one at the cursor, where the editor tells that."""


class InlineValues(_Group):
    """Values beside the code while a debug session is stopped."""

    enable: bool = True
    """Show predicted against actual values at the line where the debugger is stopped."""


class Settings(_Group):
    """Settings of cwm-lsp, those first that are changed most."""

    enable: bool = True
    """Switch the language server's features on or off as a whole."""
    hints: Hints = Hints()
    lenses: Lenses = Lenses()
    hover: Hover = Hover()
    diagnostics: Diagnostics = Diagnostics()
    verdicts: Verdicts = Verdicts()
    crashes: Crashes = Crashes()
    inline_values: InlineValues = InlineValues()
    predict: Predict = Predict()
    record: Record = Record()
    model: Model = Model()
    log_level: Literal["error", "warning", "info", "debug"] = "info"
    """How much the server logs. `info` has a line for each prediction."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the schema."""

    name: str
    """Dotted path in camelCase: `hints.maxLength`."""
    path: tuple[str, ...]
    """The same as attributes of `Settings`."""
    default: Any
    description: str
    restricted: bool
    schema: Mapping[str, Any]
    """JSON Schema of the value."""
    adapter: TypeAdapter[Any]
    """Validates one value, bounds included."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return _ENVIRONMENT + "_".join(self.path).upper()


def _leaves(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[Setting]:
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _leaves(info.annotation, (*path, name))
            continue
        extra = info.json_schema_extra
        parameters = (info.annotation, *info.metadata)
        adapter = TypeAdapter[Any](Annotated[parameters] if info.metadata else info.annotation)  # type: ignore[arg-type]
        yield Setting(
            name=".".join(to_camel(part) for part in (*path, name)),
            path=(*path, name),
            default=adapter.dump_python(info.default, mode="json"),
            description=" ".join((info.description or "").split()),
            restricted=isinstance(extra, dict) and extra.get("trust") == "restricted",
            schema=adapter.json_schema(),
            adapter=adapter,
        )


SETTINGS: tuple[Setting, ...] = tuple(_leaves(Settings))
_BY_KEY = {re.sub(r"[._-]", "", setting.name).lower(): setting for setting in SETTINGS}
_BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Source:
    """What one place says about settings."""

    name: str
    """For a person: `pyproject.toml`, `the environment`, `the editor's settings`."""
    values: Mapping[str, Any]
    """Dotted name, in any spelling → value, not yet validated."""
    trusted: bool = True
    """Whether it may set what is run or loaded."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The settings, and what was wrong with their sources."""

    settings: Settings
    problems: tuple[str, ...] = field(default=())
    """One line for each unknown name or bad value, naming it and its source."""


def resolve(sources: Sequence[Source]) -> Resolution:
    """The settings that the sources give, the first source that names a setting winning. What is unknown or bad is left
    out, and told; it never spoils the rest."""
    chosen: dict[tuple[str, ...], Any] = {}
    problems: list[str] = []
    for source in sources:
        for name, value in source.values.items():
            setting = _BY_KEY.get(re.sub(r"[._-]", "", name).lower())
            if setting is None:
                problems.append(f"{source.name}: unknown setting {name!r}{_close(name)}")
            elif setting.restricted and not source.trusted:
                problems.append(f"{source.name}: {setting.name!r} is ignored, as the workspace is not trusted")
            else:
                try:
                    valid = setting.adapter.validate_python(value)
                except ValidationError as error:
                    cause = error.errors(include_url=False)[0]["msg"]
                    problems.append(
                        f"{source.name}: {setting.name!r} cannot be {value!r}: {cause[:1].lower()}{cause[1:]}"
                    )
                else:
                    chosen.setdefault(setting.path, valid)
    tree: dict[str, Any] = {}
    for path, value in chosen.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return Resolution(Settings.model_validate(tree), tuple(problems))


def _close(name: str) -> str:
    near = get_close_matches(name, [setting.name for setting in SETTINGS], n=1)
    return f" (is {near[0]!r} meant?)" if near else ""


def from_environment(environment: Mapping[str, str]) -> Source:
    """`CWM_LSP_HINTS_MAX_LENGTH=60`: one variable a setting; variables of other names are not ours to judge."""
    values: dict[str, Any] = {}
    for variable, setting in _BY_VARIABLE.items():
        text = environment.get(variable)
        if text is not None:
            values[setting.name] = _parsed(text)
    return Source("the environment", values)


def _parsed(text: str) -> Any:
    """A variable's text as JSON where it is that (`60`, `true`), else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def from_pyproject(folder: Path | None, *, trusted: bool = True) -> Source:
    """`[tool.cwm-lsp]` of the folder's `pyproject.toml`; nothing where there is none.

    A file that is not TOML is some other tool's to complain about.
    """
    values: dict[str, Any] = {}
    if folder is not None:
        try:
            text = (folder / "pyproject.toml").read_text(encoding="utf-8")
            values = tomllib.loads(text).get("tool", {}).get(SECTION, {})
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            values = {}
    return Source("pyproject.toml", _flat(values), trusted)


def from_client(name: str, data: Any) -> Source:
    """What an editor sends: nested objects, dotted names, or both; whole under `cwm-lsp` or bare."""
    if isinstance(data, Mapping) and isinstance(data.get(SECTION), Mapping):
        data = data[SECTION]
    return Source(name, _flat(data) if isinstance(data, Mapping) else {})


def from_flags(values: Mapping[str, Any]) -> Source:
    """What the command line says: dotted name → value."""
    return Source("the command line", values)


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots. `null` says nothing, as editors send it for a setting left alone."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = value
    return flat


def configuration() -> dict[str, Any]:
    """`contributes.configuration` of a VS Code extension."""
    properties: dict[str, Any] = {}
    for order, setting in enumerate(SETTINGS):
        properties[f"{SECTION}.{setting.name}"] = {
            **_vscode_type(setting),
            "default": setting.default,
            "markdownDescription": setting.description,
            "order": order,
            "scope": "machine-overridable" if setting.restricted else "resource",
        }
    return {"title": "cwm-lsp", "properties": properties}


def _vscode_type(setting: Setting) -> dict[str, Any]:
    schema = dict(setting.schema)
    options = schema.pop("anyOf", None)
    if options:
        kinds = [option["type"] for option in options]
        schema = {**options[0], **schema, "type": kinds}
    return schema


def reference() -> str:
    """The reference of all settings, in Markdown: `docs/settings.md`."""
    rows = []
    for setting in SETTINGS:
        name = f"`{setting.name}`" + (" 🔒" if setting.restricted else "")
        rows.append(f"| {name} | {_allowed(setting)} | `{json.dumps(setting.default)}` | {setting.description} |")
    return _REFERENCE.format(section=SECTION, rows="\n".join(rows), variable=SETTINGS[-1].variable)


def _allowed(setting: Setting) -> str:
    schema = _vscode_type(setting)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema["type"] == "array":
        return "list of strings"
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = " or ".join(kinds)
    if "minimum" in schema:
        kind += f", {schema['minimum']:g} to {schema['maximum']:g}"
    return kind


_REFERENCE = """\
# Settings

Generated from `cwm_lsp/settings.py` by `python -m cwm_lsp.settings`.

| setting | values | default | |
|---|---|---|---|
{rows}

🔒 names what is run or loaded: ignored where it comes from the `pyproject.toml` of a workspace that is not trusted.

## Where they are read from

The first of these that names a setting wins:

1. the command line of `cwm-lsp serve`;
2. the environment: `{variable}` and so on, the name in capitals with underscores; values are JSON or plain text;
3. `pyproject.toml` in the workspace folder that the file is in, table `[tool.{section}]`; `hints.max-length`,
   `hints.max_length` and `hints.maxLength` are the same;
4. the editor: `workspace/configuration` of that folder, section `{section}`;
5. the editor: `initializationOptions`.

What changes while the server runs is read again, as soon as the editor says that it has changed.

A name that does not exist or a value that does not fit is told once, by name, and otherwise left out; the rest holds.
"""


if __name__ == "__main__":
    sys.stdout.write(reference())
