"""The rival: `pandas.read_csv` in chunks, `inplace_predict` and a line for each prediction.

`rival.py MODEL FOLDER FILE …` writes FOLDER/FILE.out and prints the seconds without the imports.
"""
import json
import sys
import time

import numpy
import pandas
import xgboost

# Rows: large enough that a call's own cost does not count, small enough to stay in memory.
CHUNK = 100_000

model, folder, files = sys.argv[1], sys.argv[2], sys.argv[3:]

start = time.perf_counter()
booster = xgboost.Booster(model_file=model)
for name in files:
    chunks = pandas.read_csv(
        f"{folder}/{name}", header=None, dtype=numpy.float32, chunksize=CHUNK)
    with open(f"{folder}/{name}.out", "w") as out:
        for chunk in chunks:
            predictions = booster.inplace_predict(chunk.to_numpy())
            out.write("\n".join(map(str, predictions.tolist())) + "\n")
print(json.dumps({"work": time.perf_counter() - start}))
