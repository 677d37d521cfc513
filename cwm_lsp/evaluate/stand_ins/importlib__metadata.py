"""`importlib.metadata`: what is installed is not known."""

from __future__ import annotations

from typing import Any

_not_known: Any = input
"""Something that is not known."""


class PackageNotFoundError(ModuleNotFoundError):
    def __str__(self) -> str:
        return f"No package metadata was found for {self.name}"

    @property
    def name(self) -> Any:  # type: ignore[override]
        return self.args[0]


def version(distribution_name: str) -> str:
    return _not_known()  # type: ignore[no-any-return]


def metadata(distribution_name: str) -> Any:
    return _not_known()


def distribution(distribution_name: str) -> Any:
    return _not_known()


def entry_points(**params: Any) -> Any:
    return _not_known()
