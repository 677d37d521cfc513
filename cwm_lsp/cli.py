"""The `cwm-lsp` command."""


def main() -> None:
    """Run the command line."""
