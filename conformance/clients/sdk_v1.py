"""The course's workflow by SDK v1, on the train, validation and test CSV of a folder."""
import json
import sys

import sagemaker
from sagemaker import get_execution_role
from sagemaker.amazon.amazon_estimator import get_image_uri
from sagemaker.predictor import csv_serializer

folder = sys.argv[1]
row = open(f"{folder}/test.csv").readline().strip()

session = sagemaker.Session()
role = get_execution_role()
container = get_image_uri(session.boto_region_name, "xgboost")
locations = {
    name: session.upload_data(f"{folder}/{name}.csv", key_prefix="boston")
    for name in ("train", "validation", "test")}

xgb = sagemaker.estimator.Estimator(
    container, role, train_instance_count=1, train_instance_type="ml.m4.xlarge",
    output_path=f"s3://{session.default_bucket()}/boston/output", sagemaker_session=session)
xgb.set_hyperparameters(
    max_depth=5, eta=0.2, gamma=4, min_child_weight=6, subsample=0.8, objective="reg:linear",
    early_stopping_rounds=10, num_round=200)
xgb.fit({
    name: sagemaker.s3_input(s3_data=locations[name], content_type="csv")
    for name in ("train", "validation")})
metrics = {
    metric["MetricName"]: metric["Value"]
    for metric in xgb.latest_training_job.describe()["FinalMetricDataList"]}

transformer = xgb.transformer(instance_count=1, instance_type="ml.m4.xlarge")
transformer.transform(locations["test"], content_type="text/csv", split_type="Line")
transformer.wait()
session.download_data(folder, session.default_bucket(), transformer.output_path.split("/", 3)[3])

predictor = xgb.deploy(initial_instance_count=1, instance_type="ml.t2.medium")
predictor.content_type = "text/csv"
predictor.serializer = csv_serializer
first = float(predictor.predict(row))
xgb.set_hyperparameters(max_depth=2, num_round=20)
xgb.fit({"train": sagemaker.s3_input(s3_data=locations["train"], content_type="csv")}, logs=False)
xgb.deploy(
    initial_instance_count=1, instance_type="ml.t2.medium", update_endpoint=True,
    endpoint_name=predictor.endpoint)
second = float(predictor.predict(row))
predictor.delete_endpoint()

print(json.dumps({
    "role": role, "bucket": session.default_bucket(), "image": container, "metrics": metrics,
    "output": transformer.output_path, "first": first, "second": second}))
