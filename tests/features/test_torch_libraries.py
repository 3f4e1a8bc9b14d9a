"""Loading of PyTorch's shared libraries before PyTorch is imported."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading, time
from activepick.features.torch_libraries import load_torch_libraries

ticks, ended = [], threading.Event()

def tick():
    while not ended.is_set():
        time.sleep(0.001)
        ticks.append(time.perf_counter())

thread = threading.Thread(target=tick)
thread.start()
before = len(ticks)
load_torch_libraries()
meanwhile = len(ticks) - before
ended.set()
thread.join()
assert "torch" not in sys.modules
assert "libtorch_python" in open("/proc/self/maps").read()
# While a library is loaded with Python's lock, there is no tick.
assert meanwhile > 5, meanwhile

import torch

load_torch_libraries()  # has no effect
print(int(torch.ones(3).sum()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="has no effect elsewhere")
def test_libraries_are_loaded_while_other_threads_run():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "3"
