"""Compare predicted and true precision, and measure the cost of the stopping rule.

    python benchmarks/calibration.py [--data DIR] [--simulated DIR] [--seeds 2] [--last 200]

An oracle answers the questions of the default, ten answers per refit. On the micrographs for
evaluation, the script prints precision and recall of the picks at probability 0.5, and the
precision that their probabilities predict; then the number of answers at which the stopping rule
stops, and the average precision that is lost compared with the last number of answers.
"""

import pandas as pd
from known_sets import load_datasets, parser_of

from activepick.benchmark.curves import COLUMNS, learning_curve
from activepick.benchmark.methods import METHODS

COUNTS = (0, 10, 30, 50, 100)
BATCH = 10


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--method", default="active", help="a method of activepick benchmark")
    parser.add_argument("--last", type=int, default=200, help="number of answers at the end")
    options = parser.parse_args()
    counts = range(BATCH, options.last + 1, BATCH)
    tables, stops = [], []
    for name, data in load_datasets(options.data, options.cache, options.simulated).items():
        for seed in range(options.seeds):
            method = METHODS[options.method]
            run = learning_curve(options.method, method, data, seed, counts, BATCH)
            rows = pd.DataFrame(run, columns=COLUMNS).assign(set=name)
            tables.append(rows[rows["labels"].isin(COUNTS)])
            settled, last = rows[rows["settled"]], rows.iloc[-1]
            at = settled.iloc[0] if len(settled) else last
            stops.append((name, seed, bool(len(settled)), at["labels"], last["ap"] - at["ap"]))
            print(*stops[-1], flush=True)
    table = pd.concat(tables)
    table["error"] = table["predicted_precision"] - table["precision"]
    table["size of error"] = table["error"].abs()
    table["difference"] = (table["precision"] - table["recall"]).abs()
    shown = ["precision", "recall", "difference", "predicted_precision", "error", "size of error"]
    for by in (["set", "labels"], ["labels"]):
        print(table.groupby(by, sort=False)[shown].mean().round(3).to_string())
    stop = pd.DataFrame(stops, columns=["set", "seed", "stopped", "at", "AP lost"])
    print(stop.drop(columns="seed").groupby("set", sort=False).mean().round(3).to_string())


if __name__ == "__main__":
    main()
