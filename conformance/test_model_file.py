"""The model file opens in its version's own Python package and predicts there what we predict."""
import json
import subprocess

import pytest
from harness.client import CLIENTS, environment
from harness.api import unique
from harness.data import features, table
from test_endpoint import deploy

# An image, and the environment with its package; that of 0.72 does not install: 0.90 opens its files.
IMAGES = {
    "3.2-0": ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0", "xgboost"),
    "1.7-1": ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost_1_7_6"),
    "1": ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "xgboost_0_90"),
}


@pytest.mark.parametrize("tag", IMAGES)
def test_the_python_package_predicts_the_same_from_our_file(api, tag, tmp_path):
    name, (image, package) = unique("file"), IMAGES[tag]
    api.train(name, {"train": api.put("file/train.csv", table(500))}, {"num_round": 10},
              AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})
    data = api.finished(name)["ModelArtifacts"]["S3ModelArtifacts"]
    (tmp_path / "model.tar.gz").write_bytes(api.read(data))
    rows = features(table(20, seed=5))
    (tmp_path / "rows.csv").write_text(rows)
    predict = [environment(package) / "bin/python", CLIENTS / "xgboost_predict.py", tmp_path]
    # Old packages write their warnings there as well, before it.
    said = subprocess.run(predict, check=True, stdout=subprocess.PIPE).stdout
    theirs = json.loads(said.splitlines()[-1])
    endpoint = deploy(api, data)
    ours = [api.invoke(endpoint, row)[0] for row in rows.splitlines()]
    assert ours == theirs
