"""The workflow by SDK v3's resource classes: train, model, transform, endpoint, update, delete."""
import json
import sys

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TransformJob
from sagemaker.core.shapes import (
    ContainerDefinition, ProductionVariant, TransformDataSource, TransformInput, TransformOutput,
    TransformResources, TransformS3DataSource)
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
from sagemaker.core import image_uris
from sagemaker.train import ModelTrainer

folder = sys.argv[1]
row = open(f"{folder}/test.csv").readline().strip()

session = Session()
role = get_execution_role()
bucket = session.default_bucket()
container = image_uris.retrieve("xgboost", session.boto_region_name, "3.0-5")
locations = {
    name: session.upload_data(f"{folder}/{name}.csv", key_prefix="v3")
    for name in ("train", "validation", "test")}


def train(base, **hyperparameters):
    trainer = ModelTrainer(
        training_image=container, role=role, sagemaker_session=session, base_job_name=base,
        compute=Compute(instance_type="ml.m4.xlarge", instance_count=1, volume_size_in_gb=1),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/v3/output"),
        hyperparameters={"objective": "reg:squarederror", **hyperparameters})
    trainer.train(input_data_config=[
        InputData(channel_name=name, data_source=locations[name], content_type="text/csv")
        for name in ("train", "validation")])
    return trainer._latest_training_job.model_artifacts.s3_model_artifacts


def deployed(name, data):
    Model.create(
        model_name=name, execution_role_arn=role,
        primary_container=ContainerDefinition(image=container, model_data_url=data))
    EndpointConfig.create(endpoint_config_name=name, production_variants=[ProductionVariant(
        variant_name="AllTraffic", model_name=name, initial_instance_count=1,
        instance_type="ml.t2.medium", initial_variant_weight=1.0)])
    return name


def ask(endpoint):
    return float(endpoint.invoke(body=row, content_type="text/csv").body.read())


first_model = deployed("v3-first", train("v3-first", num_round=50, max_depth=4))
job = TransformJob.create(
    transform_job_name="v3-transform", model_name=first_model,
    transform_input=TransformInput(
        data_source=TransformDataSource(s3_data_source=TransformS3DataSource(
            s3_data_type="S3Prefix", s3_uri=locations["test"])),
        content_type="text/csv", split_type="Line"),
    transform_output=TransformOutput(s3_output_path=f"s3://{bucket}/v3/scored"),
    transform_resources=TransformResources(instance_type="ml.m4.xlarge", instance_count=1))
job.wait(poll=1, logs=False)
session.download_data(folder, bucket, "v3/scored")

endpoint = Endpoint.create(endpoint_name="v3", endpoint_config_name=first_model)
endpoint.wait_for_status("InService", poll=1)
first = ask(endpoint)
second_model = deployed("v3-second", train("v3-second", num_round=10, max_depth=2))
endpoint.endpoint_config_name = second_model
endpoint.update()
endpoint.wait_for_status("InService", poll=1)
second = ask(endpoint)
endpoint.delete()

print(json.dumps({
    "role": role, "bucket": bucket, "output": f"s3://{bucket}/v3/scored", "first": first,
    "second": second}))
