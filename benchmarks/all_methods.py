"""All methods on the real and on simulated sets, as the tables of docs/benchmarks.md.

    for p in barrel cage globule; do
        activepick simulate SIM/$p --protein $p --micrographs 6 --seed 1
    done
    python benchmarks/all_methods.py --simulated SIM --out DIR [--methods active,random] [--seeds 4]
        [--counts 5,10,25,50,100] [--batch 10]

An oracle answers `--batch` queries per round on two micrographs; the others are evaluated. Each run
of a method is written to `DIR/rows.csv` when it ends, and is not repeated when the script is
started again. `DIR/tables.md` contains the means so far: average precision, its spread over the
runs at the last number of labels, and its smallest gain over no label in any run at any number of
labels ("worst"); and, at the last number of labels, AP90 (the precision at which the recall first
reaches 0.9, 0 if it never does), F1, the number of questions that the oracle skipped, and the time
of a refit.
"""

from pathlib import Path

import pandas as pd
from kept_rows import KeptRows
from known_sets import load_datasets, parser_of

from activepick.benchmark.curves import COLUMNS, learning_curve
from activepick.benchmark.methods import METHODS

# The published method needs features of every pixel, at either scale, and comes last.
FIRST = ("active", "topaz", "plain", "random", "supervised")
LAST = ("paper-scaled", "paper")
ORDER = [*FIRST, *(name for name in METHODS if name not in (*FIRST, *LAST)), *LAST]
TITLES = {
    "empiar-10017": "beta-galactosidase (EMPIAR-10017)",
    "empiar-10146": "apoferritin (EMPIAR-10146)",
    "empiar-10059": "TRPV1 (EMPIAR-10059)",
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.set_defaults(seeds=4)
    parser.add_argument("--methods", default=",".join(ORDER))
    parser.add_argument("--sets", help="names of the sets, with commas; by default all")
    parser.add_argument(
        "--out", type=Path, help="folder for rows and tables; required, since the run takes hours"
    )
    parser.add_argument("--counts", default="5,10,25,50,100", help="numbers of labels to evaluate")
    parser.add_argument("--batch", type=int, default=10, help="answers between two refits")
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    kept = KeptRows(options.out, [*COLUMNS, "set"], ("set", "method", "seed"))
    sets = load_datasets(options.data, options.cache, options.simulated)
    wanted = options.sets.split(",") if options.sets else list(sets)
    counts = [int(count) for count in options.counts.split(",")]
    for method in options.methods.split(","):
        for name in wanted:
            for seed in range(options.seeds):
                if kept.has(name, method, seed):
                    continue
                curve = learning_curve(
                    method, METHODS[method], sets[name], seed, counts, options.batch
                )
                rows = pd.DataFrame(curve, columns=COLUMNS).assign(set=name)
                kept.add(rows)
                print(name, method, seed, rows["ap"].round(3).tolist(), flush=True)
            (options.out / "tables.md").write_text(tables(kept.read(), counts))


def tables(rows: pd.DataFrame, counts: list[int]) -> str:
    """Return a table of all sets, in Markdown."""
    labels = "".join(f" {count} |" for count in counts)
    lines = [
        f"| set | method | runs | 0 labels |{labels} spread | worst | AP90 | F1 | skips | "
        "refit / ms |",
        "|---|---|---|---|" + "---|" * (len(counts) + 6),
    ]
    for name, group in rows.groupby("set", sort=False):
        title = TITLES.get(str(name), f"simulated {name}")
        for method, runs in group.groupby("method", sort=False):
            lines.append(f"| {title} | `{method}` | {row(runs, counts)}")
            title = ""
    return "\n".join(lines) + "\n"


def row(runs: pd.DataFrame, counts: list[int]) -> str:
    """Return the columns of a method from the number of runs on."""
    supervised = (runs["method"] == "supervised").all()
    last = runs if supervised else runs[runs["labels"] == counts[-1]]
    ap, ap90, f1, skips, seconds = (
        float(last[column].mean()) for column in ("ap", "ap90", "f1", "skips", "refit_seconds")
    )
    end = f"{last['ap'].std(ddof=0):.3f} | %s | {ap90:.3f} | {f1:.3f} | {skips:.0f} |"
    if supervised:
        empty = " |" * len(counts)
        return f"{len(last)} |{empty} {ap:.3f} (all labels) | {end % ''} |"
    by_seed = runs.pivot_table(index="seed", columns="labels", values="ap")
    worst = float(by_seed[counts].sub(by_seed[0], axis=0).to_numpy().min())
    aps = " | ".join(f"{by_seed[count].mean():.3f}" for count in (0, *counts))
    refit = "" if pd.isna(seconds) else f"{1000 * seconds:.0f}"
    return f"{len(last)} | {aps} | {end % f'{worst:+.3f}'} {refit} |"


if __name__ == "__main__":
    main()
