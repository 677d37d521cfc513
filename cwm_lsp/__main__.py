"""`python -m cwm_lsp` is the `cwm-lsp` command."""

from cwm_lsp.cli import main

if __name__ == "__main__":
    main()
