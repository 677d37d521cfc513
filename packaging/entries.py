"""What registries of editors' tools ask of a project: `python packaging/entries.py HOMEPAGE FOLDER`.

    FOLDER/mason-package.yaml    `packages/cwm-lsp/package.yaml` of Mason's registry
    FOLDER/nvim-lspconfig.lua    `lsp/cwm_lsp.lua` of nvim-lspconfig

Both are of this version of the server.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "cwm_lsp" / "__init__.py").read_text(encoding="utf-8"))[0]
DESCRIPTION = re.findall(r'^description = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[0]

MASON = """\
---
name: cwm-lsp
description: {description}
homepage: {homepage}
licenses:
  - Apache-2.0
languages:
  - Python
categories:
  - LSP
  - DAP

source:
  id: pkg:pypi/cwm-lsp@{version}

bin:
  cwm-lsp: pypi:cwm-lsp
"""

LSPCONFIG = """\
---@brief
---
--- {homepage}
---
--- {description}
---
--- Install it with `pipx install cwm-lsp`. Commands, trace views and virtual text are in the project's own plugin
--- (`editor-clients/neovim`), which brings this configuration itself.

---@type vim.lsp.Config
return {{
  cmd = {{ 'cwm-lsp', 'serve' }},
  filetypes = {{ 'python' }},
  root_markers = {{ 'pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt', 'Pipfile', '.git' }},
}}
"""

if __name__ == "__main__":
    homepage, folder = sys.argv[1], Path(sys.argv[2])
    for name, entry in (("mason-package.yaml", MASON), ("nvim-lspconfig.lua", LSPCONFIG)):
        text = entry.format(homepage=homepage, version=VERSION, description=DESCRIPTION)
        (folder / name).write_text(text, encoding="utf-8")
