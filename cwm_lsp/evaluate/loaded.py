"""`sys.modules` of the program."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from cwm_lsp.evaluate import library, patches
from cwm_lsp.evaluate.everyday import StandIn
from cwm_lsp.evaluate.values import MISSING, Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.machine import Machine


class Importer(Protocol):
    """What imports the modules of a program."""

    modules: dict[str, Any]
    lost: bool
    """What a name imports is not known any more."""

    @property
    def runtime(self) -> Machine: ...


class Loaded(MutableMapping[str, Any], StandIn):
    """The modules that the program has imported, or put there; whether others are there is not known."""

    def __init__(self, imports: Importer) -> None:
        self.imports = imports
        self.own: dict[str, Any] = {}
        """What the program has put there."""

    def __getitem__(self, name: str) -> Any:
        found = self.own.get(name, MISSING)
        if found is MISSING:
            found = self.imports.modules.get(name)
            if type(found) is not library.Module:
                raise Undetermined
        return found

    def __setitem__(self, name: str, value: Any) -> None:
        self.replace(name, value if value is None or type(value) is library.Module else Unknown())
        self.own[name] = value

    def __delitem__(self, name: str) -> None:
        self[name]
        self.replace(name, Unknown())
        self.own.pop(name, None)

    def replace(self, name: str, value: Any) -> None:
        """Have the program import something else by a name."""
        if type(name) is not str:
            self.forget()
            return
        if patches.imports(name):
            self.imports.runtime.give_up(f"the program changes what {name} is for code of the library")
        self.imports.modules[name] = value

    def forget(self) -> None:
        """It may be changed in any way."""
        self.imports.lost = True
        self.imports.modules.update((name, Unknown()) for name in self.imports.modules)
        self.own.clear()

    def __iter__(self) -> Iterator[str]:
        raise Undetermined

    def __len__(self) -> int:
        raise Undetermined


Loaded.__module__, Loaded.__name__, Loaded.__qualname__ = "builtins", "dict", "dict"  # as its type is shown
library.METHODS[Loaded] = library.words("get keys values items pop popitem clear update setdefault")
