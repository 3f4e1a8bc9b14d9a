"""All methods on the real and on simulated sets, as the tables of docs/benchmarks.md.

    for p in barrel cage globule; do
        activepick simulate SIM/$p --protein $p --micrographs 6 --seed 1
    done
    python benchmarks/all_methods.py --simulated SIM --out DIR [--methods active,random] [--seeds 4]

An oracle answers ten queries a round on two micrographs; the others are evaluated. Each run of a
method is written to `DIR/rows.csv` when it ends, and is not repeated when the script is started
again. `DIR/tables.md` has the means so far: average precision with its spread over the runs; and at
the last number of labels AP90 (the precision where the recall first reaches 0.9, 0 if it never
does), F1, the number of questions that the oracle skipped, and the duration of a refit.
"""

from pathlib import Path

import pandas as pd
from known_sets import load_datasets, parser_of

from activepick.benchmark.curves import COLUMNS, learning_curve
from activepick.benchmark.methods import METHODS

COUNTS = (5, 10, 25, 50, 100)
BATCH = 10
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
        "--out", type=Path, help="folder of rows and tables; needed, as it takes hours"
    )
    options = parser.parse_args()
    if options.out is None:
        parser.print_usage()
        return
    options.out.mkdir(parents=True, exist_ok=True)
    rows_file, tables_file = options.out / "rows.csv", options.out / "tables.md"
    sets = load_datasets(options.data, options.cache, options.simulated)
    wanted = options.sets.split(",") if options.sets else list(sets)
    for method in options.methods.split(","):
        for name in wanted:
            for seed in range(options.seeds):
                if (name, method, seed) in done(rows_file):
                    continue
                curve = learning_curve(method, METHODS[method], sets[name], seed, COUNTS, BATCH)
                rows = pd.DataFrame(curve, columns=COLUMNS).assign(set=name)
                rows.to_csv(rows_file, mode="a", header=not rows_file.exists(), index=False)
                print(name, method, seed, rows["ap"].round(3).tolist(), flush=True)
            tables_file.write_text(tables(pd.read_csv(rows_file)))


def done(path: Path) -> set[tuple[str, str, int]]:
    if not path.exists():
        return set()
    table = pd.read_csv(path)
    return set(zip(table["set"], table["method"], table["seed"], strict=True))


def tables(rows: pd.DataFrame) -> str:
    """Return a table for each set, in Markdown."""
    return "\n\n".join(table(name, group) for name, group in rows.groupby("set", sort=False)) + "\n"


def table(title_of: object, rows: pd.DataFrame) -> str:
    title = TITLES.get(str(title_of), f"simulated {title_of}")
    labels = "".join(f" {count} |" for count in COUNTS)
    lines = [
        f"| {title} | 0 labels |{labels} spread | AP90 | F1 | skips | refit / ms |",
        "|---|---|" + "---|" * (len(COUNTS) + 5),
    ]
    for method, runs in rows.groupby("method", sort=False):
        name = str(method)
        means = runs.groupby("labels")["ap"].mean()
        last_runs = runs if name == "supervised" else runs[runs["labels"] == COUNTS[-1]]
        ap, ap90, f1, skips, seconds = (
            float(last_runs[column].mean())
            for column in ("ap", "ap90", "f1", "skips", "refit_seconds")
        )
        end = f"{last_runs['ap'].std(ddof=0):.3f} | {ap90:.3f} | {f1:.3f} | {skips:.0f} |"
        if name == "supervised":
            lines.append(f"| `{name}` |{' |' * len(COUNTS)} {ap:.3f} (all labels) | {end} |")
            continue
        points = means.loc[[0, *COUNTS]].to_numpy(float)
        aps = " | ".join(f"{value:.3f}" for value in points)
        refit = "" if pd.isna(seconds) else f"{1000 * seconds:.0f}"
        lines.append(f"| `{name}` | {aps} | {end} {refit} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
