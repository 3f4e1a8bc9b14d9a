"""Run all benchmarks of speed and memory, and print the limits that are not met.

    make bench, or tools/with_display.sh python benchmarks/run_all.py [NAME ...]

Each script has a time limit; the total is 40 minutes. Benchmarks of accuracy need hours and the
real micrographs, and are run separately, as `docs/benchmarks.md` describes; `gpu.py` needs a GPU.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from limits import MISSED
from processor_name import processor

__all__ = ["OTHERS", "SCRIPTS"]

# Arguments, and time limit in minutes of each script on two cores with no other programs running.
SCRIPTS: dict[str, tuple[tuple[str, ...], float]] = {
    "features": ((), 3),
    "reading": ((), 1),
    "peaks": ((), 1),
    "refit": ((), 1),
    "click": ((), 4),
    "opening": ((), 3),
    "large_session": ((), 5),
    "pipeline": ((), 9),
    "two_workers": ((), 3),
    "growth": ((), 4),
    "large_star": (("--picks", "500000"), 2),
    "interop": ((), 1),
    "hostile": (("--files", "2200"), 2),
    "kills": (("--sessions", "20", "--picks", "4"), 1),
}
# Scripts that are run separately, and modules that others use.
OTHERS = {
    "accuracy": (
        "all_methods",
        "calibration",
        "calibration_limits",
        "class_answers",
        "class_averages",
        "class_relion",
        "flips",
        "heads_of_datasets",
        "image_channels",
        "kinds",
        "label_with_keys",
        "low_rank",
        "normalisation",
        "one_sided",
        "orientations",
        "paper_table",
        "patches",
        "pruning",
        "scale_correlation",
        "second_stage",
        "topaz_train",
        "variants",
        "working_scale",
        "wrong_answers",
        "wrong_diameter",
    ),
    "files that are part of the program": (
        "class_descriptors",
        "simulated_calibration",
        "simulated_prior",
        "varied_sets",
    ),
    "need a GPU, or other micrographs": ("gpu", "whole_process"),
    "modules": (
        "event_loop",
        "fine_tune",
        "kept_rows",
        "known_sets",
        "limits",
        "processor_name",
        "run_all",
        "unlabelled_risk",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="some of them, such as click")
    names = parser.parse_args().names or list(SCRIPTS)
    unknown = sorted(set(names) - set(SCRIPTS))
    if unknown:
        parser.error(f"{', '.join(unknown)}: not one of {', '.join(SCRIPTS)}")
    print(processor(), flush=True)
    rows, missed = [], []
    for name in names:
        arguments, minutes = SCRIPTS[name]
        start = time.perf_counter()
        status, lines = run(name, arguments)
        took = (time.perf_counter() - start) / 60
        late = f" (at most {minutes:g}) {MISSED}" if took > minutes else ""
        rows.append(f"{name:<14} {took:6.1f} minutes{late}")
        missed += [f"{name}: {line.strip()}" for line in lines]
        if late:
            missed.append(rows[-1])
        if status and not lines:
            missed.append(f"{name}: ended with status {status}")
    print("\n" + "\n".join(rows))
    print("\nLimits that do not hold:" if missed else "\nAll limits hold.")
    print("\n".join(missed))
    sys.exit(bool(missed))


def run(name: str, arguments: tuple[str, ...]) -> tuple[int, list[str]]:
    """Run a script and print what it prints; return its status and the limits that it misses."""
    print(f"\n== {name} {' '.join(arguments)}", flush=True)
    command = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), *arguments]
    missed = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                if MISSED in line:
                    missed.append(line)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            raise
    return process.returncode, missed


if __name__ == "__main__":
    main()
