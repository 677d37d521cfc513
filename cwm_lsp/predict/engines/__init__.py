"""Engines: what runs a world model. `load` finds the one that a name stands for."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix

__all__ = ["Distribution", "Engine", "Pass", "Prefix", "check", "load"]

BUNDLED = "bundled"
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def check(model: str) -> None:
    """Raise UnavailableError if it is plain, without loading anything, that `load` would."""
    if "://" in model:
        raise UnavailableError(f"{model} is a server, and servers are not supported: give a folder or a hub id")
    if model == BUNDLED:
        bundled_folder()
    elif missing := [name for name in ("torch", "transformers") if find_spec(name) is None]:
        raise UnavailableError(
            f"{model} needs {' and '.join(missing)}: pip install 'cwm-lsp[local]' (the bundled model needs neither)"
        )
    elif not Path(model).exists() and not _HUB_ID.fullmatch(model):
        raise UnavailableError(f"there is no folder {model}: name one with a model, a hub id, or `bundled`")
    elif Path(model).exists() and not (Path(model) / "config.json").is_file():
        raise UnavailableError(f"{model} is no model: a folder with config.json, tokenizer.json and safetensors is")


def load(model: str) -> Engine:
    """The engine of `bundled`, of a model's folder or of a hub id. Takes seconds to minutes.

    Raises:
        UnavailableError: it cannot be run; the message says what to do.
    """
    check(model)
    if model == BUNDLED:
        from cwm_lsp.predict.engines.portable import PortableEngine

        return PortableEngine(bundled_folder(), model)
    from cwm_lsp.predict.engines.local import LocalEngine

    return LocalEngine.load(model)


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
