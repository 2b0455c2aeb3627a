"""The rival: `pandas.read_csv` and `xgboost.train` in a Python process, on the files of a folder.

It prints the seconds without the imports, those of `xgboost.train` alone, and the last error.
"""
import json
import sys
import time

import pandas
import xgboost

folder, parameters, channels = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
rounds = parameters.pop("num_round")

start = time.perf_counter()
tables = {name: pandas.read_csv(f"{folder}/{name}.csv", header=None) for name in channels}
matrices = {
    name: xgboost.DMatrix(table.iloc[:, 1:], label=table.iloc[:, 0]) for name, table in tables.items()}
begun = time.perf_counter()
history = {}
booster = xgboost.train(
    parameters, matrices["train"], rounds, verbose_eval=False, evals_result=history,
    evals=[(matrices[name], name) for name in channels])
trained = time.perf_counter()
booster.save_model(f"{folder}/model.ubj")
saved = time.perf_counter()
print(json.dumps({
    "work": saved - start, "train": trained - begun, "error": history[channels[-1]]["rmse"][-1]}))
