"""`python -m cwm_lsp.lab`: how the bundled model is made, and how models of its kind are measured."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from itertools import count as count_from
from pathlib import Path
from typing import Any

import click

from cwm_lsp.errors import UnavailableError, UserError

FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING = click.Path(path_type=Path, exists=True)
CALIBRATION = 400
"""Generated documents, beside the real ones, on which confidence is calibrated."""
PRECISION = 0.97
"""Of the values shown, on the calibration set: a margin above the 95 % that are promised."""


@click.group()
def main() -> None:
    """Make the bundled model: corpus, tokenizer, train, evaluate, plot, export; or fine-tune another.

    Each command says what it reads and writes; docs/lab.md has them in order, with the time they take.
    """


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--packages", type=FOLDER, required=True, help="Where `pip install --target` put third-party packages.")
@click.option("--against", type=EXISTING, multiple=True, help="Rows of programs to measure on, to be kept out.")
@click.option("--seconds", default=150.0, show_default=True, help="Most time for one package.")
def corpus(folder: Path, packages: Path, against: tuple[Path, ...], seconds: float) -> None:
    """Harvest real functions and their calls into FOLDER: real.jsonl, calibration.jsonl, held-out.jsonl (of doctests)
    and held-out-seen.jsonl (of calls seen in tests).

    Runs the doctests and tests of the standard library and of PACKAGES, each package in a child process. What was
    harvested before is kept. (Generated functions need no file: they are made while training.)
    """
    from cwm_lsp.lab.corpus.collect import PACKAGES, WATCHED, collect
    from cwm_lsp.lab.corpus.harvest import STANDARD

    counts = collect(packages, (*STANDARD, *PACKAGES), folder, against, seconds, WATCHED)
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--size", default=1536, show_default=True, help="Entries of the vocabulary.")
@click.option(
    "--library", type=EXISTING, default=sysconfig.get_paths()["stdlib"], help="Python sources to learn words of."
)
def tokenizer(folder: Path, size: int, library: Path) -> None:
    """Make a tokenizer from the words of the standard library's sources, in FOLDER."""
    from cwm_lsp.lab import tokenizer as made

    words = made.train(made.sources(library), size)
    made.save(words, folder, context=1024)
    click.echo(f"{words.get_vocab_size()} entries in {folder / 'tokenizer.json'}")


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--real", type=EXISTING, help="Harvested documents (JSON lines) to mix in.")
@click.option("--tokens", default=1_000_000_000, help="Stop when the run has seen this many.")
@click.option("--minutes", default=120.0, show_default=True, help="Stop after this long.")
@click.option("--decay", default=0, help="Let the learning rate fall to zero over so many tokens, then stop.")
@click.option("--batch", default=4096, show_default=True, help="Token positions a step.")
@click.option("--rate", default=2e-3, show_default=True, help="Learning rate.")
@click.option("--threads", default=1, show_default=True, help="Of the processor.")
@click.option("--from", "origin", type=EXISTING, help="Start from this model, grown to --layers, with its tokenizer.")
@click.option("--hidden", default=192, show_default=True)
@click.option("--layers", default=4, show_default=True)
@click.option("--heads", default=6, show_default=True)
@click.option("--mlp", default=512, show_default=True)
@click.option("--seed", default=1, show_default=True)
def train(
    folder: Path,
    real: Path | None,
    tokens: int,
    minutes: float,
    decay: int,
    batch: int,
    rate: float,
    threads: int,
    origin: Path | None,
    seed: int,
    **sizes: int,
) -> None:
    """Train in FOLDER, which holds a tokenizer; go on where it stopped if there is a checkpoint.

    Ends cleanly, with a checkpoint, on SIGTERM and on Ctrl-C. A line of measurements is printed, and
    appended to FOLDER/log.jsonl, every 200 steps.
    """
    import torch

    from cwm_lsp.lab import documents, export
    from cwm_lsp.lab import tokenizer as made
    from cwm_lsp.lab.model import Shape
    from cwm_lsp.lab.train import Recipe, Run

    torch.set_num_threads(threads)
    harvested = list(documents.read(real)) if real else []
    recipe = Recipe(seed=seed, batch=batch, rate=rate)
    if (folder / "state.pt").exists():
        run = Run.resume(folder, made.load(folder), harvested, batch=batch, rate=rate)
    elif origin:
        model, words = export.restore(origin)
        made.save(words, folder, model.shape.context)
        # What the earlier stages teach, it knows.
        recipe = replace(recipe, stages=((0, "mix"),))
        run = Run.grow(folder, model, sizes["layers"], recipe, words, harvested)
    else:
        words = made.load(folder)
        run = Run(folder, Shape(vocab=words.get_vocab_size(), **sizes), recipe, words, harvested)
    run.train(tokens=tokens, minutes=minutes, decay=decay)


@main.command()
@click.argument("model", type=EXISTING)
@click.option("--doctests", type=EXISTING, help="held-out.jsonl of the corpus command.")
@click.option("--seen", type=EXISTING, help="held-out-seen.jsonl of the corpus command.")
@click.option("--cruxeval", type=EXISTING, help="Rows with `code` and `input`.")
@click.option("--documents", "count", default=200, show_default=True, help="Most documents of a set.")
@click.option("--int8", is_flag=True, help="Round the weights to 8 bits first, to see what that costs.")
@click.option("--reliability", type=click.Path(path_type=Path, dir_okay=False), help="Draw confidence and accuracy.")
@click.option("--show", default=0, help="Print so many wrong answers of each set.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def evaluate(
    model: Path,
    doctests: Path | None,
    seen: Path | None,
    cruxeval: Path | None,
    count: int,
    int8: bool,
    reliability: Path | None,
    show: int,
    as_json: bool,
) -> None:
    """Measure MODEL (a training run or an exported folder) on held-out traces, teacher-forced.

    `shown` and `shown_right` are the share of values that the editors show by default, and how many of them are right.
    """
    import torch

    from cwm_lsp.lab import curves, documents, export
    from cwm_lsp.lab import evaluate as measured
    from cwm_lsp.lab.corpus import stream
    from cwm_lsp.predict.confidence import Calibration
    from cwm_lsp.settings import Hints

    torch.set_num_threads(1)
    network, words = export.restore(model)
    if int8:
        export.round_to_int8(network)
    writer = export.engine(network, words)
    calibration = Calibration.load(model)
    generated = (stream.document(f"held-out/mix/{i}", "mix") for i in count_from(0))
    sets: dict[str, Iterator[str]] = {"synthetic": generated}
    if doctests:
        sets["doctests"] = documents.read(doctests)
    if seen:
        sets["seen"] = documents.read(seen)
    if cruxeval:
        sets["cruxeval"] = measured.cruxeval(cruxeval)
    results: dict[str, Any] = {}
    everything: dict[str, list[measured.Answer]] = {}
    for name, texts in sets.items():
        encoded = measured.encode_all(texts, words, network.shape.context, count)
        found = everything[name] = measured.calibrated(measured.answers(network, encoded, writer), calibration)
        summary = measured.summary(found, Hints().min_confidence)
        results[name] = {"documents": len(encoded), **summary}
        if not as_json:
            click.echo(f"{name}: " + ", ".join(f"{what} {value}" for what, value in results[name].items()))
            for answer in [a for a in found if not a.right][:show]:
                click.echo(f"  {measured.shown(answer, words)}")
    pooled = measured.shown_values(answer for found in everything.values() for answer in found)
    results["all"] = {"values": len(pooled), "calibration_error": round(measured.calibration_error(pooled), 4)}
    if not as_json:
        click.echo(f"all: calibration_error {results['all']['calibration_error']} of {len(pooled)} values")
    if reliability:
        curves.draw_reliability(everything, reliability)
    if as_json:
        click.echo(json.dumps(results))


@main.command()
@click.argument("run", type=EXISTING)
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False))
def plot(run: Path, image: Path) -> None:
    """Draw the learning curves of RUN (a training folder, or a log like those in one) into IMAGE (.svg or .png)."""
    from cwm_lsp.lab.curves import draw

    draw(run / "log.jsonl" if run.is_dir() else run, image)


@main.command()
@click.argument("model")
@click.argument("traces", type=EXISTING)
@click.argument("folder", type=FOLDER)
@click.option("--rank", default=16, show_default=True, help="Of the adapters.")
@click.option("--rate", default=2e-4, show_default=True, help="Learning rate.")
@click.option("--epochs", default=3, show_default=True)
@click.option("--batch", default=4, show_default=True, help="Traces a step.")
@click.option("--longest", default=2048, show_default=True, help="Tokens of a trace that are read at most.")
@click.option("--seed", default=1, show_default=True)
def finetune(model: str, traces: Path, folder: Path, **recipe: Any) -> None:
    """Fine-tune MODEL (a folder or a hub id) with LoRA on recorded TRACES; the outcome in FOLDER runs as `--model`.

    TRACES is what `cwm-lsp record --batch CASES.jsonl --json` printed, or a kept store of recorded traces.
    """
    from cwm_lsp.lab import finetune as tuned

    recorded = list(tuned.traces(traces))

    def told(step: int, steps: int, loss: float) -> None:
        click.echo(f"step {step} of {steps}: {loss:.4f} nats a token")

    used = tuned.finetune(model, recorded, folder, tuned.Recipe(**recipe), told)
    click.echo(f"fine-tuned on {used} traces: cwm-lsp predict --model {folder} FILE")


@main.command()
@click.argument("run", type=EXISTING)
@click.argument("folder", type=FOLDER)
@click.option("--calibrate", type=EXISTING, help="Documents on which, with generated ones, to calibrate.")
def export(run: Path, folder: Path, calibrate: Path | None) -> None:
    """Write the model of RUN's last checkpoint to FOLDER, as transformers loads it."""
    from cwm_lsp.lab import documents, evaluate
    from cwm_lsp.lab import export as exported
    from cwm_lsp.lab.corpus import stream
    from cwm_lsp.predict.confidence import UNCALIBRATED

    model, words = exported.restore(run)
    if calibrate:
        generated = [stream.document(f"calibration/mix/{i}", "mix") for i in range(CALIBRATION)]
        writer = exported.engine(model, words)
        found, real = (
            list(evaluate.answers(model, evaluate.encode_all(texts, words, model.shape.context), writer))
            for texts in (generated, documents.read(calibrate))
        )
        calibration = evaluate.calibrate(found, real)
        told = evaluate.shown_values(evaluate.calibrated(real, calibration))
        share, threshold = evaluate.coverage(told, PRECISION)
        click.echo(f"{calibration}; of the {share:.0%} of values with a confidence of {threshold} or more")
        click.echo(f"{PRECISION:.0%} are right, on the real functions of {calibrate}")
    else:
        calibration = UNCALIBRATED
    exported.export(model, words, folder, calibration=calibration)
    click.echo(f"{sum(p.numel() for p in model.parameters()):,} parameters in {folder}")


@main.command()
@click.argument("readings", type=EXISTING)
@click.argument("folder", type=FOLDER)
def calibrate(readings: Path, folder: Path) -> None:
    """Fit the confidence of the model in FOLDER on READINGS, which `benchmarks/packages.py --readings` writes."""
    from cwm_lsp.lab import calibrate as fitted

    found = list(fitted.guesses(readings))
    calibration = fitted.calibrate(found)
    calibration.save(folder)
    click.echo(f"{calibration}, on {len(found)} guesses")


def run_main() -> None:
    """The command, its errors in one line and with the exit codes of `cwm-lsp`."""
    try:
        main()
    except (UserError, UnavailableError) as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(2 if isinstance(error, UserError) else 3) from error


if __name__ == "__main__":
    run_main()
