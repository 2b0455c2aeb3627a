"""The workflow by SDK v2. Its endpoint calls sleep 30 s before they look; `wait=False` does not."""
import json
import sys

import boto3
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

folder = sys.argv[1]
row = open(f"{folder}/test.csv").readline().strip()

session = sagemaker.Session()
role = sagemaker.get_execution_role()
container = sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
locations = {
    name: session.upload_data(f"{folder}/{name}.csv", key_prefix="v2")
    for name in ("train", "validation", "test")}


def estimator(**hyperparameters):
    return sagemaker.estimator.Estimator(
        container, role, instance_count=1, instance_type="ml.m4.xlarge",
        output_path=f"s3://{session.default_bucket()}/v2/output", sagemaker_session=session,
        hyperparameters={"objective": "reg:squarederror", **hyperparameters})


def channels(*names):
    return {name: TrainingInput(locations[name], content_type="csv") for name in names}


def wait_for_endpoint(name):
    boto3.client("sagemaker").get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1})


xgb = estimator(num_round=50, max_depth=4, eta=0.2)
xgb.fit(channels("train", "validation"))

transformer = xgb.transformer(instance_count=1, instance_type="ml.m4.xlarge")
transformer.transform(locations["test"], content_type="text/csv", split_type="Line")
sagemaker.s3.S3Downloader.download(transformer.output_path, folder, sagemaker_session=session)

predictor = xgb.deploy(
    1, "ml.t2.medium", serializer=CSVSerializer(), deserializer=CSVDeserializer(), wait=False)
wait_for_endpoint(predictor.endpoint_name)
first = float(predictor.predict(row)[0][0])

other = estimator(num_round=10, max_depth=2)
other.fit(channels("train"), logs=False)
model = other.create_model()
model.create(instance_type="ml.t2.medium")
predictor.update_endpoint(
    initial_instance_count=1, instance_type="ml.t2.medium", model_name=model.name, wait=False)
wait_for_endpoint(predictor.endpoint_name)
second = float(predictor.predict(row)[0][0])

predictor.delete_model()
predictor.delete_endpoint(delete_endpoint_config=True)
print(json.dumps({
    "role": role, "bucket": session.default_bucket(), "output": transformer.output_path,
    "first": first, "second": second}))
