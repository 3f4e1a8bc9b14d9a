"""What runs on a GPU. ACTIVEPICK_TEST_DEVICE=cpu tries the tests themselves without one."""

import os

import pytest
import torch

DEVICE = os.environ.get("ACTIVEPICK_TEST_DEVICE", "cuda")


@pytest.fixture(scope="session")
def device() -> str:
    if DEVICE == "cuda" and not torch.cuda.is_available():
        pytest.skip("PyTorch finds no NVIDIA GPU here")
    return DEVICE


@pytest.fixture
def cuda(device) -> torch.device:
    """The GPU, for what a processor has nothing like."""
    if device != "cuda":
        pytest.skip("only for a GPU")
    return torch.device(device)
