"""Which settings hold for which file: those of the workspace folder that it is in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from cwm_lsp.settings import (
    Settings,
    from_client,
    from_environment,
    from_flags,
    from_pyproject,
    resolve,
)


class Configuration:
    """The settings from all sources, for each folder of the workspace.

    Files outside all folders have the first folder's, as an untitled document most likely belongs there.
    """

    def __init__(self, params: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
        """`params` of `initialize`; `flags` are settings from the command line, by dotted name."""
        options = params.get("initializationOptions")
        self.trusted = True
        """Whether the user trusts the workspace; false only where the editor says so."""
        if isinstance(options, Mapping):
            self.trusted = options.get("workspaceTrusted", True) is not False
            options = {name: value for name, value in options.items() if name != "workspaceTrusted"}
        self._options = options
        self._flags = flags
        folders = [folder["uri"] for folder in params.get("workspaceFolders") or ()] or [params.get("rootUri")]
        self._folders = {uri: Path(path) for uri in folders if uri and (path := to_fs_path(uri))}
        self._editor: Mapping[str, Any] = {}
        self._settings: dict[str, Settings] = {}
        self.problems: list[str] = []
        """What is wrong with the sources, one line each."""
        self.read()

    @property
    def folders(self) -> list[Path]:
        """The workspace's folders."""
        return list(self._folders.values())

    @property
    def scopes(self) -> list[str]:
        """What the editor can be asked for the settings of: URIs of folders; empty for the workspace as a whole."""
        return list(self._folders) or [""]

    @property
    def whole(self) -> Settings:
        """What holds for the server as a whole: the first folder's settings."""
        return self._settings[self.scopes[0]]

    def of(self, path: str) -> Settings:
        """The settings of a file: the innermost folder's that it is in."""
        around = [uri for uri, folder in self._folders.items() if Path(path).is_relative_to(folder)]
        return self._settings[max(around, key=lambda uri: len(self._folders[uri].parts))] if around else self.whole

    def told(self, editor: Mapping[str, Any]) -> None:
        """Take what the editor says, by scope, and read all sources again."""
        self._editor = editor
        self.read()

    def folders_changed(self, event: lsp.WorkspaceFoldersChangeEvent) -> None:
        """Folders were added to the workspace, or taken from it."""
        for folder in event.removed:
            self._folders.pop(folder.uri, None)
        for folder in event.added:
            path = to_fs_path(folder.uri)
            if path is not None:
                self._folders[folder.uri] = Path(path)
        self.read()

    def read(self) -> None:
        """Read all sources."""
        self.problems.clear()
        self._settings.clear()
        for scope in self.scopes:
            resolution = resolve(
                [
                    from_flags(self._flags),
                    from_environment(os.environ),
                    from_pyproject(self._folders.get(scope), trusted=self.trusted),
                    from_client("the editor's settings", self._editor.get(scope)),
                    from_client("initializationOptions", self._options),
                ]
            )
            self._settings[scope] = resolution.settings
            self.problems += resolution.problems
