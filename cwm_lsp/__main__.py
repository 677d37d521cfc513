"""`python -P -m cwm_lsp` is the `cwm-lsp` command."""

import os
import sys

# Without -P, `-m` puts the working folder first on the import path: a `json.py` or `pathlib.py` there would run.
if sys.path and sys.path[0] == os.getcwd() != os.path.dirname(os.path.dirname(__file__)):  # noqa: PTH109, PTH120
    del sys.path[0]

from cwm_lsp.cli import main

if __name__ == "__main__":
    main()
