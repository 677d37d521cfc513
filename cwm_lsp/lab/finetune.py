"""Fine-tuning a code world model on a user's own recorded traces, by low-rank adapters (LoRA, Hu et al. 2021).

What the model reads is what the product gives it to read: the same prompt, the same frames. Loss goes to the frames
after the seeded one. The result is the whole model with the adapters merged in, so that `--model FOLDER` runs it, and
the adapters by themselves beside it.
"""

# ruff: noqa: S311

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.nn import functional

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.predict.decode import Ended
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.prompt import Task, seeded
from cwm_lsp.predict.states import entered
from cwm_lsp.predict.transcript import grammar_of, header
from cwm_lsp.source.functions import find
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Trace

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the adapters are trained."""

    rank: int = 16
    rate: float = 2e-4
    """Learning rate; linear warm-up over the first tenth of the steps, then a cosine to zero."""
    epochs: int = 3
    batch: int = 4
    """Traces a step."""
    longest: int = 2048
    """Tokens of a trace, program included, at most; the rest of it is left out."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """A trace in a model's tokens."""

    ids: tuple[int, ...]
    given: int
    """Tokens of the program and of the seeded frame: read, not learnt."""


def traces(path: Path) -> Iterator[Trace]:
    """The recorded traces of a file: JSON Lines of `cwm-lsp record --batch CASES --json`, or a kept store of traces.

    Their sources are read from the files that they name. A trace whose file has gone, or has changed so that the trace
    no longer fits, is left out.

    Raises:
        UserError: a line is no JSON object.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            row = row.get("trace", row) | ({"path": row["file"]} if "file" in row else {})
        except (ValueError, AttributeError) as error:
            raise UserError(f"{path}:{number}: no recorded trace: give what `cwm-lsp record --json` wrote") from error
        if row.get("origin") != "recorded" or not row.get("events"):
            continue
        with contextlib.suppress(OSError, UserError, KeyError, UnicodeDecodeError):
            trace = Trace.from_json(row, Path(row["path"]).read_text(encoding="utf-8"))
            if fits(trace):
                yield trace


def fits(trace: Trace) -> bool:
    """Whether the trace is one that its source allows."""
    state = entered(trace.source, trace.events[0])
    for event in trace.events[1:]:
        followed = None if state.over else state.follow(event)
        if followed is None:
            return False
        state = followed
    return True


def document(engine: LocalEngine, trace: Trace, longest: int) -> Document | None:
    """A trace as the model is given it; None where there is no room for more than the program."""
    function = find(trace.source, trace.function, trace.path)
    prompt = seeded(Task(trace.path, trace.source, function, trace.call), trace.events[0])
    grammar = grammar_of(engine, prompt.source)
    try:
        ids = header(engine, prompt) + grammar.frame_tokens(trace.events[0], NOTHING)
    except Ended:
        return None
    given, previous = len(ids), trace.events[0].locals
    for event in trace.events[1:]:
        ids += grammar.frame_tokens(event, previous if event.kind == "line" else NOTHING)
        # As on the wire: a call or a return in between makes the next frame list all in full.
        previous = event.locals if event.kind != "exception" else previous
    if trace.outcome.kind in ("return", "exception"):
        ids.append(engine.tokenizer.special[wire.END_OF_TEXT])
    ids = ids[: min(longest, engine.context_length)]
    return Document(tuple(ids), given) if len(ids) > given else None


def finetune(
    model: str, documents: Sequence[Trace], folder: Path, recipe: Recipe, report: Callable[[int, int, float], None]
) -> int:
    """Train adapters for `model` (a folder or a hub id) on some traces, and write the outcome to `folder`.

    `report` gets the step, the number of steps, and the mean loss in nats a token. Gives the number of traces used.

    Raises:
        UserError: no trace can be used.
        UnavailableError: the model cannot be loaded, or `peft` is missing.
    """
    try:
        peft: Any = import_module("peft")
    except ImportError as error:
        raise UnavailableError("fine-tuning needs peft: pip install 'cwm-lsp[finetune]'") from error
    torch.manual_seed(recipe.seed)
    engine = LocalEngine.load(model)
    encoded = [one for trace in documents if (one := document(engine, trace, recipe.longest))]
    if not encoded:
        raise UserError("no recorded trace could be used: record some with `cwm-lsp record --batch CASES.jsonl --json`")
    adapters = peft.LoraConfig(
        r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules=list(PROJECTIONS), task_type="CAUSAL_LM"
    )
    network = peft.get_peft_model(engine.model, adapters)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=0.0)
    steps = recipe.epochs * math.ceil(len(encoded) / recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    step = 0
    network.train()
    for epoch in range(recipe.epochs):
        order = Random(f"{recipe.seed}/{epoch}").sample(encoded, len(encoded))
        for start in range(0, len(order), recipe.batch):
            batch = order[start : start + recipe.batch]
            told = 0.0
            for one in batch:  # one after the other: traces differ much in length, and memory is dear
                loss = mean_loss(network, one) / len(batch)
                loss.backward()  # type: ignore[no-untyped-call]
                told += float(loss.detach())
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            report(step, steps, told)
    write(network, Path(model), folder)
    return len(encoded)


def rate(step: int, steps: int) -> float:
    """The share of the learning rate at a step."""
    warm = max(1, steps // 10)
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def mean_loss(network: Any, one: Document) -> torch.Tensor:
    """Mean cross entropy of the tokens that are not given, in nats."""
    ids = torch.tensor([one.ids], device=network.device)
    logits = network(ids[:, :-1]).logits[0, one.given - 1 :]
    return functional.cross_entropy(logits.float(), ids[0, one.given :])


def write(network: Any, base: Path, folder: Path) -> None:
    """The adapters to `folder`/adapter, and to `folder` the model with them merged in."""
    network.save_pretrained(folder / "adapter")
    network.merge_and_unload().save_pretrained(folder)
    if (base / "tokenizer.json").is_file():
        for name in ("tokenizer.json", "tokenizer_config.json"):
            if (base / name).is_file():
                shutil.copy(base / name, folder)
    else:
        import_module("transformers").AutoTokenizer.from_pretrained(str(base)).save_pretrained(folder)
