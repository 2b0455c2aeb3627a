"""The model file opens in XGBoost's own Python package and predicts there what we predict."""
import json
import subprocess

import pytest
from harness.client import CLIENTS, environment
from harness.api import unique
from harness.data import features, table
from test_endpoint import deploy

IMAGES = {
    "3.2-0": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    "1.7-1": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    "1": "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
}


@pytest.mark.parametrize("tag", IMAGES)
def test_the_python_package_predicts_the_same_from_our_file(api, tag, tmp_path):
    name = unique("file")
    api.train(name, {"train": api.put("file/train.csv", table(500))}, {"num_round": 10},
              AlgorithmSpecification={"TrainingImage": IMAGES[tag], "TrainingInputMode": "File"})
    data = api.finished(name)["ModelArtifacts"]["S3ModelArtifacts"]
    (tmp_path / "model.tar.gz").write_bytes(api.read(data))
    rows = features(table(20, seed=5))
    (tmp_path / "rows.csv").write_text(rows)
    predict = [environment("xgboost") / "bin/python", CLIENTS / "xgboost_predict.py", tmp_path]
    theirs = json.loads(subprocess.run(predict, check=True, stdout=subprocess.PIPE).stdout)
    endpoint = deploy(api, data)
    ours = [api.invoke(endpoint, row)[0] for row in rows.splitlines()]
    assert ours == theirs
