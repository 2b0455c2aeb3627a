"""Scores FOLDER/rows.csv with FOLDER/model.tar.gz by the package itself; prints a JSON list."""
import json
import pathlib
import pickle
import sys
import tarfile

import numpy
import xgboost

folder = pathlib.Path(sys.argv[1])
with tarfile.open(folder / "model.tar.gz") as archive:
    content = archive.extractfile("xgboost-model").read()
if content[:1] == b"\x80":
    booster = pickle.loads(content)
else:
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
rows = numpy.loadtxt(folder / "rows.csv", delimiter=",", dtype=numpy.float32)
print(json.dumps([float(value) for value in booster.predict(xgboost.DMatrix(rows))]))
