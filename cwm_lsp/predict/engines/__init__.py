"""Engines: what runs a world model. `load` finds the one that a name stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines import vllm
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.options import BUNDLED, Options

__all__ = ["BUNDLED", "Distribution", "Engine", "Options", "Pass", "Prefix", "check", "describe", "load"]

REFUSED = ((5, 14), (5, 18))
"""The releases of transformers, up to the second, that gave wrong output for drafts past a sliding window (its pull
requests 47447 and 48280). Their caches are not used here; but nothing was tried with them."""

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to run a model. Each function raises UnavailableError, which says what to do, where it cannot be run."""

    names: Callable[[str], bool]
    """Whether a model's name asks for it."""
    check: Callable[[Options], object]
    """Raises what is plain without loading anything."""
    describe: Callable[[Options], str]
    """What would run the model, in one line; nothing is loaded."""
    load: Callable[[Options], Engine]
    """Takes seconds to minutes."""


def check(options: Options) -> None:
    """Raise UnavailableError if it is plain, without loading anything, that `load` would."""
    _kind_of(options).check(options)


def load(options: Options) -> Engine:
    """The engine that runs a model. Takes seconds to minutes.

    Raises:
        UnavailableError: it cannot be run; the message says what to do.
    """
    kind = _kind_of(options)
    kind.check(options)
    return kind.load(options)


def describe(options: Options) -> str:
    """What would run a model, in one line. Nothing is loaded. Raises what `load` does, as far as it can be told."""
    kind = _kind_of(options)
    kind.check(options)
    return kind.describe(options)


def _kind_of(options: Options) -> Kind:
    return next(kind for kind in KINDS if kind.names(options.name))


# The bundled model


def bundled_folder() -> Path:
    """The folder of the model that comes with the package.

    Raises:
        UnavailableError: it is missing.
    """
    import cwm_lsp

    folder = Path(cwm_lsp.__file__).parent / "bundled"
    if not (folder / "config.json").is_file():
        raise UnavailableError("this installation has no bundled model: install cwm-lsp from a wheel, or give --model")
    return folder


def _load_bundled(options: Options) -> Engine:
    from cwm_lsp.predict.engines.portable import PortableEngine

    return PortableEngine(bundled_folder(), options.name)


# A server that vLLM runs for us


def _check_started(options: Options) -> None:
    vllm.server_python(options)
    _check_httpx(options.name)


def _describe_started(options: Options) -> str:
    return f"{options.name.removeprefix(vllm.PREFIX)}, by a vLLM server that {vllm.server_python(options)} starts"


def _load_started(options: Options) -> Engine:
    from platformdirs import user_state_path

    from cwm_lsp.predict.engines.served import ServedEngine

    lease = vllm.start(options, user_state_path("cwm-lsp", appauthor=False) / "vllm")
    try:
        tokenizer = options.tokenizer or options.name.removeprefix(vllm.PREFIX)
        engine = ServedEngine(lease.url, tokenizer=tokenizer, timeout=options.timeout, key=lease.key)
    except UnavailableError:
        lease.close()
        raise
    engine.name, engine.lease = options.name, lease
    return engine


# A server that is there


def _check_served(options: Options) -> None:
    url = options.name
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        raise UnavailableError(f"{url} is not the address of a server: give one like http://localhost:8000#model")
    if parts.username or parts.password:
        raise UnavailableError(f"take the key out of {parts.hostname}'s address and put it into CWM_LSP_API_KEY")
    _check_httpx(url)


def _check_httpx(model: str) -> None:
    if find_spec("httpx") is None:
        raise UnavailableError(f"{model} needs httpx: pip install 'cwm-lsp[server]' (the bundled model does not)")


def _describe_served(options: Options) -> str:
    return f"the server at {options.name}; nothing is loaded here"


def _load_served(options: Options) -> Engine:
    from cwm_lsp.predict.engines.served import ServedEngine

    return ServedEngine(options.name, tokenizer=options.tokenizer, timeout=options.timeout, warn=options.warn_public)


# A folder or a hub id, in this process


def refused(release: str) -> bool:
    """Whether a release of transformers is not to be used."""
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    return REFUSED[0] <= numbers < REFUSED[1]


def _check_local(options: Options) -> None:
    model, path = options.name, Path(options.name)
    if path.suffix == ".gguf" or (any(path.glob("*.gguf")) and not any(path.glob("*.safetensors"))):
        raise UnavailableError(
            f"{model} is GGUF, which transformers cannot read for CWM: name a folder with safetensors, unquantised "
            "(--quantization nf4 makes them small) or quantised as compressed-tensors"
        )
    if not path.exists() and not _HUB_ID.fullmatch(model):
        raise UnavailableError(
            f"there is no folder {model}: name one with a model, a hub id such as facebook/cwm, or `bundled`"
        )
    if path.exists() and not (path / "config.json").is_file():
        raise UnavailableError(
            f"{model} holds no model: name a folder that has config.json, tokenizer.json and safetensors files"
        )
    if missing := [name for name in ("torch", "transformers") if find_spec(name) is None]:
        raise UnavailableError(
            f"{model} needs {' and '.join(missing)}: pip install 'cwm-lsp[local]' (the bundled model needs neither)"
        )
    if refused(installed := version("transformers")):
        raise UnavailableError(
            f"transformers {installed} is one of those that read drafts past a sliding window wrongly (5.14 to 5.17): "
            "pip install -U transformers"
        )


def _describe_local(options: Options) -> str:
    from cwm_lsp.predict.engines.loading import planned

    return f"{options.name} {planned(options)}"


def _load_local(options: Options) -> Engine:
    from platformdirs import user_cache_path

    from cwm_lsp.predict.engines import timing
    from cwm_lsp.predict.engines.local import LocalEngine

    engine = LocalEngine.load(options)
    engine.pass_times = timing.kept(engine, engine.identity, user_cache_path("cwm-lsp", appauthor=False))
    return engine


KINDS = (
    Kind(
        lambda name: name == BUNDLED,
        lambda _: bundled_folder(),
        lambda _: f"{BUNDLED}, by numpy in this process",
        _load_bundled,
    ),
    Kind(lambda name: name.startswith(vllm.PREFIX), _check_started, _describe_started, _load_started),
    Kind(lambda name: "://" in name, _check_served, _describe_served, _load_served),
    Kind(lambda name: True, _check_local, _describe_local, _load_local),
)
"""The first whose name it is runs a model."""
