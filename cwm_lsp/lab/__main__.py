"""`python -m cwm_lsp.lab`: how the bundled model is made."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def main() -> None:
    """Make the bundled model: corpus, tokenizer, train, evaluate, export."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--tokens", default=1_000_000_000, help="Stop when the run has seen this many.")
@click.option("--minutes", default=120.0, help="Stop after this long.")
@click.option(
    "--decay", default=0, help="Let the learning rate fall to zero over this many tokens from here, then stop."
)
@click.option(
    "--real", type=click.Path(path_type=Path, exists=True), help="Harvested documents (JSON lines) to mix in."
)
@click.option("--hidden", default=192)
@click.option("--layers", default=4)
@click.option("--heads", default=6)
@click.option("--mlp", default=512)
@click.option("--batch", default=2048)
@click.option("--seed", default=1)
def train(
    folder: Path,
    tokens: int,
    minutes: float,
    decay: int,
    real: Path | None,
    hidden: int,
    layers: int,
    heads: int,
    mlp: int,
    batch: int,
    seed: int,
) -> None:
    """Train in FOLDER (it holds a tokenizer), or go on from the checkpoint there."""
    import torch

    from cwm_lsp.lab import documents, tokenizer
    from cwm_lsp.lab.model import Shape
    from cwm_lsp.lab.train import Recipe, Run

    torch.set_num_threads(1)
    words = tokenizer.load(folder)
    harvested = list(documents.read(real)) if real else []
    if (folder / "state.pt").exists():
        run = Run.resume(folder, words, harvested, batch=batch)
    else:
        shape = Shape(vocab=words.get_vocab_size(), hidden=hidden, layers=layers, heads=heads, mlp=mlp)
        run = Run(folder, shape, Recipe(seed=seed, batch=batch), words, harvested)
    run.train(tokens=tokens, minutes=minutes, decay=decay)


@main.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path))
def export(run: Path, folder: Path) -> None:
    """Write the model of RUN's last checkpoint to FOLDER, as transformers loads it."""
    from cwm_lsp.lab import tokenizer
    from cwm_lsp.lab.export import export
    from cwm_lsp.lab.train import Run

    words = tokenizer.load(run)
    export(Run.resume(run, words, []).model, words, folder)


if __name__ == "__main__":
    main()
