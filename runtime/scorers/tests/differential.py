"""Makes models of every objective and what XGBoost 3.2.0 predicts with them.

Writes one folder a case below the folder given: the model in both formats, rows, margins and
predictions as raw little-endian float32, and a CSV payload with the answer the container would
print. A second folder may hold models (.json, .ubj) of other versions, to be scored as well.
`src/differential.rs` compares them bit by bit.
"""

import pathlib
import sys

import numpy as np
import xgboost as xgb

ROWS = 1000
CSV_ROWS = 150
# Categories, and what looks like some: negative, broken, unknown, too large to be told apart.
CODES = np.concatenate([
    np.arange(700), np.arange(60), np.arange(3).repeat(99),
    [-1, -0.5, -0.0, 0.5, 1.5, 2.999, 700, 16777215, 16777216, 3e9],
]).astype("f4")
SPECIAL = np.array([0.0, -0.0, 1e-45, -1e-40, 1e-38, 3e38, -3e38, np.nan, np.nan], dtype="f4")


def features(rng, rows, columns):
    """Values near and far, with missing and special ones sprinkled in."""
    data = rng.normal(size=(rows, columns)).astype("f4")
    data[:, 0] = np.round(data[:, 0])
    sprinkled = rng.random(size=data.shape) < 0.15
    data[sprinkled] = rng.choice(SPECIAL, size=int(sprinkled.sum()))
    return data


def labels(rng, objective, data, classes):
    signal = np.nan_to_num(np.clip(data, -5, 5)).sum(axis=1) / 3
    noisy = signal + rng.normal(size=len(data)) / 2
    if objective.startswith("multi:"):
        return np.digitize(noisy, np.linspace(-2, 2, classes - 1)).astype("f4")
    if objective.startswith("binary:") or objective == "reg:logistic":
        return (noisy > 0).astype("f4")
    if objective == "rank:map":
        return (noisy > 0).astype("f4")
    if objective.startswith("rank:"):
        return np.clip(np.round(noisy + 2), 0, 4).astype("f4")
    if objective in ("count:poisson", "reg:tweedie"):
        return rng.poisson(np.exp(np.clip(signal, -3, 3))).astype("f4")
    if objective in ("reg:gamma", "survival:cox", "survival:aft", "reg:squaredlogerror"):
        return np.exp(np.clip(noisy, -4, 4)).astype("f4")
    return noisy.astype("f4")


def train(rng, objective, rounds, columns, classes=0, **parameters):
    data = features(rng, 600, columns)
    if parameters.get("booster") == "gblinear":
        data = np.clip(data, -9, 9)  # or every weight would become NaN
    matrix = xgb.DMatrix(data)
    target = labels(rng, objective, data, classes)
    if objective == "survival:aft":
        matrix.set_float_info("label_lower_bound", target)
        matrix.set_float_info("label_upper_bound", target * 2)
    else:
        matrix.set_label(target)
    if objective.startswith("rank:"):
        matrix.set_group([20] * 30)
    if classes:
        parameters["num_class"] = classes
    settings = {"objective": objective, "seed": int(rng.integers(1 << 30)), "nthread": 1}
    return xgb.train({**settings, **parameters}, matrix, rounds)


def train_on_categories(rng, objective, rounds, classes=0, **parameters):
    """Columns of categories beside columns of numbers; what is learned hangs on both."""
    data = features(rng, 600, 5)
    for column, count in ((0, 3), (2, 40), (4, 700)):
        data[:, column] = rng.integers(0, count, size=600)
    data[rng.random(size=data.shape) < 0.1] = np.nan
    noisy = np.nan_to_num(data[:, 0] % 2 + data[:, 2] % 5 / 3 + data[:, 4] % 3 + np.clip(data[:, 1], -2, 2))
    target = np.digitize(noisy, [2, 3]) if classes else noisy > 3 if "binary" in objective else noisy
    matrix = xgb.DMatrix(data, target, feature_types=["c", "q", "c", "q", "c"], enable_categorical=True)
    if classes:
        parameters["num_class"] = classes
    settings = {"objective": objective, "seed": int(rng.integers(1 << 30)), "nthread": 1}
    return xgb.train({**settings, **parameters}, matrix, rounds)


def categories(rng):
    """Splits on one category, and on some of them."""
    for one in (1, 10, 1000):
        for method in ("hist", "approx"):
            shape = {"tree_method": method, "max_cat_to_onehot": one}
            yield train_on_categories(rng, "reg:squarederror", 9, **shape)
            yield train_on_categories(rng, "binary:logistic", 9, max_depth=9, min_child_weight=0, **shape)
            yield train_on_categories(rng, "multi:softprob", 4, 3, max_depth=3, **shape)
            yield train_on_categories(rng, "reg:squarederror", 9, booster="dart", rate_drop=0.4, **shape)


def shapes():
    """Depths, growth and boosters, for every kind of layout."""
    yield {"max_depth": 1}
    yield {"max_depth": 4, "eta": 0.7}
    yield {"max_depth": 6, "tree_method": "exact"}
    yield {"max_depth": 10, "min_child_weight": 0, "gamma": 0}
    yield {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 60, "min_child_weight": 0}
    yield {"max_depth": 3, "booster": "dart", "rate_drop": 0.3}
    yield {"max_depth": 5, "num_parallel_tree": 3, "subsample": 0.5}


def boosters(rng):
    single = """reg:squarederror reg:squaredlogerror reg:logistic binary:logistic binary:logitraw
        binary:hinge reg:gamma reg:pseudohubererror count:poisson survival:cox survival:aft
        reg:tweedie reg:absoluteerror rank:pairwise rank:ndcg rank:map""".split()
    for objective in single:
        for parameters in shapes():
            yield train(rng, objective, 13, int(rng.integers(1, 12)), **parameters)
        yield train(rng, objective, 5, 4, max_depth=2, base_score=0.3)
    for objective in ("multi:softmax", "multi:softprob"):
        for classes, parameters in zip((2, 3, 4, 5, 9, 3, 4), shapes()):
            yield train(rng, objective, 7, 6, classes, **parameters)
        yield train(rng, objective, 5, 4, 3, booster="gblinear")
    yield train(rng, "reg:quantileerror", 9, 6, quantile_alpha=[0.1, 0.5, 0.9])
    for objective in ("reg:squarederror", "binary:logistic", "count:poisson"):
        yield train(rng, objective, 5, 4, booster="gblinear")
    yield train(rng, "binary:logistic", 100, 28, max_depth=6)
    yield from categories(rng)
    stopped = train(rng, "binary:logistic", 20, 5)
    stopped.set_attr(best_iteration="3", best_score="0.5")
    yield stopped


def line(row):
    """A missing only cell is spelled: white space around a payload is stripped."""
    missing = "" if len(row) > 1 else "nan"
    return ",".join(missing if np.isnan(cell) else repr(float(cell)) for cell in row)


def write(folder, booster, data, predict):
    folder.mkdir(parents=True)
    booster.save_model(folder / "model.json")
    booster.save_model(folder / "model.ubj")
    margins, predictions = predict(True), predict(False)
    for name, values in (("rows", data), ("margins", margins), ("predictions", predictions)):
        np.ascontiguousarray(values, dtype="<f4").tofile(folder / f"{name}.f32")
    (folder / "columns").write_text(str(data.shape[1]))
    answer = predictions[:CSV_ROWS].tolist()
    rows = [row if isinstance(row, list) else [row] for row in answer]
    (folder / "answer.csv").write_text("".join(",".join(map(repr, row)) + "\n" for row in rows))
    payload = "\n".join(map(line, data[:CSV_ROWS]))
    (folder / "payload.csv").write_text(payload)


def cases(rng, booster, folder):
    columns = booster.num_features()
    data = features(rng, ROWS, columns)
    if booster.feature_types is not None:
        coded = rng.random(size=data.shape) < 0.7
        data = np.where(coded, rng.choice(CODES, size=data.shape), data)
        booster.feature_types = None
    booster.set_param({"nthread": 1})
    matrix = xgb.DMatrix(data)
    write(folder / "finite", booster, data, lambda margin: booster.predict(matrix, output_margin=margin))
    config = booster.save_config()
    if '"gblinear"' in config or '"dart"' in config:
        return  # in-place prediction does not know the one and rounds the other differently
    infinite = np.where(rng.random(size=data.shape) < 0.1, np.float32(np.inf), data)
    infinite = np.where(rng.random(size=data.shape) < 0.1, np.float32(-np.inf), infinite)
    kinds = {True: "margin", False: "value"}
    predict = lambda margin: booster.inplace_predict(infinite, predict_type=kinds[margin])
    write(folder / "infinite", booster, infinite, predict)


def numbers(rng, folder):
    """Floats of any bits and how Python prints them."""
    values = rng.integers(0, 1 << 32, size=100_000, dtype="u4").view("f4")
    usual = rng.normal(size=100_000).astype("f4")
    values = np.concatenate([values, usual, np.round(usual * 4096) / 131072])
    values.astype("<f4").tofile(folder / "numbers.f32")
    (folder / "numbers").write_text("\n".join(map(repr, values.tolist())))


def main(to, models=None):
    assert xgb.__version__ == "3.2.0", xgb.__version__
    xgb.set_config(verbosity=0)
    rng = np.random.default_rng(20261123)
    numbers(rng, pathlib.Path(to))
    made = boosters(rng) if models is None else map(
        lambda path: xgb.Booster(model_file=path), sorted(pathlib.Path(models).iterdir())
    )
    for index, booster in enumerate(made):
        cases(rng, booster, pathlib.Path(to) / "cases" / f"{index:03}")


if __name__ == "__main__":
    main(*sys.argv[1:])
