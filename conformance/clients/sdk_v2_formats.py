"""The same rows in each format that SDK v2's users write, each trained on: `sdk_v2_formats.py FOLDER`.

The files are made by what users make them with: scikit-learn's libsvm, and the SDK's own writers of
RecordIO-protobuf, dense and sparse. Prints `{format: [the job's errors]}`.
"""
import json
import sys

import numpy
import sagemaker
from sagemaker.amazon.common import write_numpy_to_dense_tensor, write_spmatrix_to_sparse_tensor
from sagemaker.inputs import TrainingInput
from scipy.sparse import csr_matrix
from sklearn.datasets import dump_svmlight_file

folder = sys.argv[1]
dice = numpy.random.default_rng(5)
rows = dice.uniform(0.5, 1.5, (300, 4)).astype("float32")
labels = (rows[:, 0] * 10 + rows[:, 1] * rows[:, 2]).astype("float32")


def csv(file):
    numpy.savetxt(file, numpy.column_stack([labels, rows]), delimiter=",", fmt="%.9g")


def libsvm(file):
    dump_svmlight_file(rows, labels, file, zero_based=True)


def dense(file):
    write_numpy_to_dense_tensor(file, rows, labels)


def sparse(file):
    write_spmatrix_to_sparse_tensor(file, csr_matrix(rows), labels)


FORMATS = {
    "csv": (csv, "text/csv"),
    "libsvm": (libsvm, "text/libsvm"),
    "dense": (dense, "application/x-recordio-protobuf"),
    "sparse": (sparse, "application/x-recordio-protobuf"),
}

session = sagemaker.Session()
container = sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")


def errors(name, write, content_type):
    with open(f"{folder}/{name}", "wb") as file:
        write(file)
    location = session.upload_data(f"{folder}/{name}", key_prefix="formats")
    estimator = sagemaker.estimator.Estimator(
        container, sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m4.xlarge",
        output_path=f"s3://{session.default_bucket()}/formats/output", sagemaker_session=session,
        hyperparameters={"num_round": 20, "objective": "reg:squarederror"})
    estimator.fit({part: TrainingInput(location, content_type=content_type)
                   for part in ("train", "validation")}, logs=False)
    job = session.describe_training_job(estimator.latest_training_job.name)
    return {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}


print(json.dumps({name: errors(name, *how) for name, how in FORMATS.items()}))
