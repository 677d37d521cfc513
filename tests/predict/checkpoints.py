"""Tiny checkpoints of random weights with a byte-level tokenizer, made as a real one is laid out."""

from pathlib import Path

from cwm_lsp.predict.engines.tokenizer import SPECIAL_TOKENS

TEXT = (
    "def f(a, b):\n    total = 0\n    for item in range(10):\n        if item % 2 == 0:\n            total += item\n"
    '    return total\n{"a": "..", "b": "[1, 2, 3]", "total": "0", "item": "..", "text": "\'abc\'", "result": "[]"}\n'
    "    while x:\n        try:\n            result.append(x)\n        except ValueError as error:\n            raise\n"
)


def make_checkpoint(
    folder: Path,
    *,
    seed: int = 0,
    layers: int = 2,
    context: int = 2048,
    window: int = 24,
    head: int = 8,
    merges: bool = True,
    terse: bool = False,
) -> Path:
    """A CwmForCausalLM with full and sliding layers, of 64-bit random weights that make it sure of itself. Without
    merges, its tokens are bytes, so that there is but one way to write a text. A terse one likes to end a value."""
    import tokenizers
    import torch
    from tokenizers import decoders, models, pre_tokenizers, trainers
    from transformers import CwmConfig, CwmForCausalLM

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    size = 400 if merges else 256 + len(SPECIAL_TOKENS)
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[*SPECIAL_TOKENS], initial_alphabet=alphabet)
    tokenizer.train_from_iterator([TEXT], trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    config = CwmConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=head,
        max_position_embeddings=context,
        sliding_window=window,
        layer_types=["full_attention" if n % 2 == 0 else "sliding_attention" for n in range(layers)],
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        initializer_range=0.6,
    )
    model = CwmForCausalLM(config).double()
    if terse:
        ends = [token_id for token, token_id in tokenizer.get_vocab().items() if '"' in token]
        model.lm_head.weight.data[ends] *= 4
    model.save_pretrained(folder)
    return folder
