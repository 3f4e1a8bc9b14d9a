import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

# Modules that only the scripts in `benchmarks` use, which are in the source only.
if BENCHMARKS.is_dir():
    sys.path.append(str(BENCHMARKS))
else:
    collect_ignore = [
        "test_fine_tune.py",
        "test_kept_rows.py",
        "test_variants.py",
    ]
