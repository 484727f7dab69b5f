"""What other programs are told of our environment: the variables that they need, and nobody's secrets besides."""

from __future__ import annotations

import os
from collections.abc import Sequence

ANY = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH",
)  # fmt: skip
"""Every program: where things lie, who asks, and in which words to answer."""
NETWORK = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
)  # fmt: skip
"""Programs that fetch: ways out of this network and whom to believe."""
GIT = ("SSH_AUTH_SOCK", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "GIT_EXEC_PATH", "GIT_CONFIG_*", "GNUPGHOME")
"""`GIT_CONFIG_COUNT` and its like may hold credentials, and are for git alone."""
UV = (
    "UV_CACHE_DIR",
    "UV_LINK_MODE",
    "UV_HTTP_*",
    "UV_CONCURRENT_*",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_OFFLINE",
    "NETRC",
)
MODELS = (
    "CUDA_*", "NVIDIA_*", "HIP_*", "ROCR_*", "ROCM_*", "NCCL_*", "GLOO_*", "UCX_*", "VLLM_*", "HF_*", "HUGGINGFACE_HUB_CACHE",
    "TRANSFORMERS_*", "TOKENIZERS_PARALLELISM", "TORCH*", "PYTORCH_*", "TRITON_*", "XLA_*", "OMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*",
    "KMP_*", "RAY_*", "MASTER_ADDR", "MASTER_PORT", "LD_PRELOAD", "CC", "CXX", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED",
    "VIRTUAL_ENV",
)  # fmt: skip
"""Servers of models. `HF_TOKEN` is for them: they fetch models that are not open to everybody."""
TRAINING = (
    *MODELS,
    "TTCDATA_*",
    "DOCKER_*",
    "WANDB_*",
    "TRACKIO_*",
    "ACCELERATE_*",
    "DEEPSPEED_*",
    "SLURM_*",
    "SBATCH_*",
)
"""Our own trainer, and what it tells of its figures."""


def environment(*names: str, **more: str) -> dict[str, str]:
    """The variables of a program that we start.

    Args:
        names: those that it may have beside `ANY`; a name that ends with `*` stands for all that begin so. Names count in
            lower case too, as proxies are written.
        more: set for it, whatever we have.
    """
    return {**{name: value for name, value in os.environ.items() if _is_among((*ANY, *names), name)}, **more}


def hidden(*names: str) -> list[str]:
    """The names of our variables that a program with these must not have."""
    return sorted(name for name in os.environ if not _is_among((*ANY, *names), name))


def without_ours(command: Sequence[str], *names: str) -> list[str]:
    """A command for a library that hands all of our environment on: `env` takes away what the program must not have.

    Only names are in its arguments, which every user of the machine can read.
    """
    unset = (word for name in hidden(*names) for word in ("-u", name))
    return ["/usr/bin/env", *unset, *command]


def _is_among(allowed: Sequence[str], name: str) -> bool:
    for pattern in allowed:
        for known in (name, name.upper()):
            if known == pattern or (pattern.endswith("*") and known.startswith(pattern[:-1])):
                return True
    return False
