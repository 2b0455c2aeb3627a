"""Makes models with an XGBoost from 0.90 to 1.7, as its container wrote them, and what it predicts.

Called by `src/differential/old_models.rs` with the interpreter of that version's environment and a
folder. Writes one folder a case: `model` (what `save_model` writes), `pickle.N` by protocol, rows,
margins and predictions of all trees and, for the pickles, of the best rounds: raw little-endian
float32.
"""

import pathlib
import pickle
import sys
import warnings

import numpy as np
import xgboost as xgb

ROWS = 400
COLUMNS = 5
SPECIAL = np.array([0.0, -0.0, 1e-45, -1e-40, 1e-38, 3e38, -3e38, np.nan, np.nan], dtype="f4")
SINGLE = """reg:squarederror reg:logistic binary:logistic binary:logitraw binary:hinge count:poisson
    reg:gamma reg:tweedie survival:cox rank:pairwise""".split()
SHAPES = (
    {"max_depth": 1},
    {"max_depth": 5, "tree_method": "exact", "gamma": 0.1, "base_score": 0.3},
    {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 20, "tree_method": "hist"},
    {"max_depth": 3, "booster": "dart", "rate_drop": 0.4, "tree_method": "exact"},
    {"max_depth": 3, "num_parallel_tree": 3, "subsample": 0.5, "tree_method": "exact"},
    {"booster": "gblinear"},
)


def features(rng):
    data = rng.normal(size=(ROWS, COLUMNS)).astype("f4")
    sprinkled = rng.uniform(size=data.shape) < 0.1
    data[sprinkled] = rng.choice(SPECIAL, size=int(sprinkled.sum()))
    return data


def labels(rng, objective, data, classes):
    noisy = np.nan_to_num(np.clip(data, -3, 3)).sum(axis=1) / 3 + rng.normal(size=ROWS) / 2
    if classes:
        return np.digitize(noisy, np.linspace(-1, 1, classes - 1)).astype("f4")
    if objective.startswith("binary:") or objective == "reg:logistic":
        return (noisy > 0).astype("f4")
    if objective == "rank:pairwise":
        return np.clip(np.round(noisy + 2), 0, 4).astype("f4")
    return np.exp(np.clip(noisy, -2, 2)).astype("f4")


def labelled(rows, names, target, objective):
    types = ["float"] * COLUMNS
    matrix = xgb.DMatrix(rows, label=target, feature_names=names, feature_types=types)
    if objective.startswith("rank:"):
        matrix.set_group([20] * (ROWS // 20))
    return matrix


def train(rng, objective, shape, classes):
    data = features(rng)
    if shape.get("booster") == "gblinear":
        data = np.clip(data, -9, 9)
    names = ["column %d" % column for column in range(COLUMNS)]
    target = labels(rng, objective, data, classes)
    # Rows in another order do not fit their labels, so the best round is an early one.
    matrix, noise = (labelled(rows, names, target, objective) for rows in (data, data[::-1].copy()))
    parameters = dict(shape, objective=objective, nthread=1, verbosity=0)
    if classes:
        parameters["num_class"] = classes
    stopped = {} if shape.get("max_depth") != 5 else {"early_stopping_rounds": 3}
    evals = [(noise, "noise")]
    booster = xgb.train(parameters, matrix, 9, evals=evals, verbose_eval=False, **stopped)
    booster.set_attr(kind=shape.get("booster"))
    return booster, names


def write(folder, booster, names, classes, rng):
    folder.mkdir(parents=True)
    booster.save_model(str(folder / "model"))
    # 1.3 pickles a document, and a document of `dart` is summed as XGBoost does since 1.4.
    unlike = xgb.__version__.startswith("1.3.") and booster.attr("kind") == "dart"
    for protocol in range(0 if unlike else 6):
        (folder / ("pickle.%d" % protocol)).write_bytes(pickle.dumps(booster, protocol))
    trees = booster.get_dump()
    linear = "weight" in trees[0]
    data = features(rng)
    if linear:
        # Beyond 88.7 old versions have no probability left where new ones keep 3e-39.
        data = np.clip(data, -9, 9)
    matrix = xgb.DMatrix(data, feature_names=names, feature_types=["float"] * COLUMNS)
    # Without a limit `dart` drops trees even where it predicts.
    whole = 0 if linear else len(trees) // max(classes, 1)
    best = 0 if linear else booster.best_ntree_limit
    for name, values in (
        ("rows", data),
        ("margins", booster.predict(matrix, output_margin=True, ntree_limit=whole)),
        ("predictions", booster.predict(matrix, ntree_limit=whole)),
        ("best", booster.predict(matrix, ntree_limit=best)),
    ):
        np.ascontiguousarray(values, dtype="<f4").tofile(str(folder / (name + ".f32")))
    (folder / "columns").write_text(str(COLUMNS))


def main(to):
    warnings.filterwarnings("ignore")
    rng = np.random.RandomState(20261123)
    kinds = [(objective, 0) for objective in SINGLE] + [("multi:softmax", 3), ("multi:softprob", 4)]
    index = 0
    for objective, classes in kinds:
        for shape in SHAPES:
            booster, names = train(rng, objective, shape, classes)
            folder = pathlib.Path(to) / ("%03d %s" % (index, objective.replace(":", " ")))
            write(folder, booster, names, classes, rng)
            index += 1


if __name__ == "__main__":
    main(sys.argv[1])
