"""A real vLLM with the real model, for the tests that ask it directly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real_model.asking import MODEL
from ttc_data.llm.serve import Server


@pytest.fixture(scope="session", autouse=True)
def quiet_and_small() -> Iterator[None]:
    """No word to anybody about the use of vLLM, and 1 GiB for its cache in place of a share of the machine's memory."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the whole session."""
    with Server(str(MODEL), 0, tmp_path_factory.mktemp("served")) as running:
        yield running
