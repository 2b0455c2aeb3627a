"""Small models of four columns, one folder for each name that a scene may have."""
import numpy as np
import xgboost

ROWS, COLUMNS, CLASSES, ROUNDS = 300, 4, 3, 5
OBJECTIVES = ["reg:squarederror", "reg:logistic", "reg:gamma", "reg:tweedie", "count:poisson",
              "binary:logistic", "binary:logitraw", "binary:hinge", "multi:softmax",
              "multi:softprob"]
# Models that answer together. The container takes them in the order of its file system, by which a
# sum of three may differ in its last bit; one of two does not.
TOGETHER = {"reg:squarederror": 2, "binary:logistic": 2, "binary:hinge": 3, "multi:softprob": 2,
            "multi:softmax": 3}


def write(folder):
    for objective in OBJECTIVES:
        save(folder / objective.replace(":", "-"), objective, 1)
    for objective, count in TOGETHER.items():
        save(folder / f"{objective.replace(':', '-')}-together", objective, count)


def save(folder, objective, count):
    folder.mkdir()
    for number in range(count):
        model = trained(objective, number)
        (folder / f"xgboost-model-{number}").write_bytes(model.save_raw("ubj"))


def trained(objective, seed):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(ROWS, COLUMNS)).round(1)
    signal = rows @ [1, 0.5, -1, 0.25] + random.normal(size=ROWS)
    parameters = {"objective": objective, "max_depth": 3, "eta": 0.3, "nthread": 1}
    if objective.startswith("multi:"):
        parameters["num_class"] = CLASSES
        labels = np.digitize(signal, [-1, 1])
    elif objective.startswith("binary:"):
        labels = signal > 0
    elif objective == "reg:logistic":
        labels = 1 / (1 + np.exp(-signal))
    else:
        labels = np.abs(signal).round(1) + 0.1
    return xgboost.train(parameters, xgboost.DMatrix(rows, label=labels), ROUNDS)
