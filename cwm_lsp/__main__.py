"""`python -P -m cwm_lsp` is the `cwm-lsp` command."""

import os
import sys

# Without -P, `-m` puts the working folder first on the import path: a `json.py` or `pathlib.py` there would run.
if sys.path and sys.path[0] == os.getcwd() != os.path.dirname(os.path.dirname(__file__)):  # noqa: PTH109, PTH120
    del sys.path[0]


def main() -> None:
    """The command; Ctrl-C while it is still loading ends it as quietly as later."""
    try:
        from cwm_lsp.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
