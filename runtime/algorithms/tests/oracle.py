"""What XGBoost's own packages say: trains or predicts, and writes the margins down.

Called by eras.rs with the interpreter of one version's environment:
  oracle.py train [DATA PARAMETERS(json) ROUNDS OUT]...   label-first CSV -> margins of its rows;
                                                          prints each one's metrics, as JSON
  oracle.py load [DATA MODEL OUT]...                      margins of a model file
  oracle.py rmse DATA PARAMETERS(json) ROUNDS SEEDS       prints the mean training RMSE
Margins are float32, little-endian, row by row.
"""

import json
import sys
import warnings

import numpy
import xgboost

warnings.filterwarnings("ignore")


def read(path):
    rows = numpy.genfromtxt(path, delimiter=",", dtype=numpy.float64).astype(numpy.float32)
    return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])


def write(booster, data, path):
    booster.predict(data, output_margin=True).astype("<f4").tofile(path)


def train(data, parameters, rounds):
    data, parameters, evals = read(data), dict(json.loads(parameters), verbosity=0, nthread=1), {}
    if "num_class" in parameters:
        parameters["num_class"] = int(parameters["num_class"])
    booster = xgboost.train(
        parameters,
        data,
        int(rounds),
        evals=[(data, "train")],
        evals_result=evals,
        verbose_eval=False,
    )
    return booster, data, evals["train"]


def printed(scores):
    return ["%.5f" % score for score in scores]


mode, arguments = sys.argv[1], sys.argv[2:]
if mode == "train":
    for at in range(0, len(arguments), 4):
        trained, matrix, metrics = train(*arguments[at : at + 3])
        write(trained, matrix, arguments[at + 3])
        print(json.dumps({name: printed(scores) for name, scores in metrics.items()}))
elif mode == "load":
    for at in range(0, len(arguments), 3):
        model = xgboost.Booster()
        model.load_model(arguments[at + 1])
        write(model, read(arguments[at]), arguments[at + 2])
elif mode == "rmse":
    scores = []
    for seed in range(int(arguments[3])):
        parameters = dict(json.loads(arguments[1]), seed=seed)
        scores.append(train(arguments[0], json.dumps(parameters), arguments[2])[2]["rmse"][-1])
    print(sum(scores) / len(scores))
else:
    sys.exit("unknown mode " + mode)
