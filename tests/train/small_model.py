"""A model that learns within seconds on a processor: two layers at random, and a vocabulary of whole answers."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

END, PAD, ANY = "<|end|>", "<|pad|>", "<|any|>"
TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }} {% endfor %}{% if add_generation_prompt %}"
    + ANY
    + "{% endif %}"
)


def make_model(folder: Path, answers: Sequence[str], names: Sequence[str], seed: int = 0) -> Path:
    """Write a model's folder as the Hub has it.

    Args:
        folder: to write to.
        answers: each is one token, so a model at random gives one of them with a chance of one in some.
        names: words that prompts are told apart by; every other word is the same token.
        seed: of the weights.
    """
    tokenizers = importlib.import_module("tokenizers")
    transformers = importlib.import_module("transformers")
    torch = importlib.import_module("torch")
    words = {word: number for number, word in enumerate([PAD, END, ANY, *names])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token=ANY))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"\W+"), "removed")
    inner.decoder = tokenizers.decoders.Fuse()
    inner.add_tokens([tokenizers.AddedToken(answer, normalized=False) for answer in answers])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=END, pad_token=PAD, unk_token=ANY, chat_template=TEMPLATE,
        padding_side="left", clean_up_tokenization_spaces=False,
    )  # fmt: skip
    torch.manual_seed(seed)
    # Not Qwen2: its tokenizer is put in place of whatever is saved beside a model of its kind.
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=4096, eos_token_id=1, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    model = transformers.Qwen3ForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
