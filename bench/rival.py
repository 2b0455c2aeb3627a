"""The rival: `pandas.read_csv` and `xgboost.train` in a Python process, on the files of a folder.

It prints the seconds without the imports, and those of `xgboost.train` alone.
"""
import json
import sys
import time

import pandas
import xgboost

folder, parameters = sys.argv[1], json.loads(sys.argv[2])
rounds = parameters.pop("num_round")
stop = parameters.pop("early_stopping_rounds")

start = time.perf_counter()
tables = {name: pandas.read_csv(f"{folder}/{name}.csv", header=None) for name in ("train", "validation")}
matrices = {
    name: xgboost.DMatrix(table.iloc[:, 1:], label=table.iloc[:, 0]) for name, table in tables.items()}
begun = time.perf_counter()
booster = xgboost.train(
    parameters, matrices["train"], rounds, early_stopping_rounds=stop, verbose_eval=False,
    evals=[(matrices["train"], "train"), (matrices["validation"], "validation")])
trained = time.perf_counter()
booster.save_model(f"{folder}/model.ubj")
print(time.perf_counter() - start, trained - begun)
