"""The workflow by plain boto3, of any age: `boto3_workflow.py FOLDER NAME`."""
import json
import sys
import time

import boto3

folder, name = sys.argv[1:]
row = open(f"{folder}/test.csv").readline().strip()
image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"

s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
account = boto3.client("sts").get_caller_identity()["Account"]
role = f"arn:aws:iam::{account}:role/SageMaker"
bucket = name
s3.create_bucket(Bucket=bucket)
for part in ("train", "validation", "test"):
    s3.upload_file(f"{folder}/{part}.csv", bucket, f"data/{part}.csv")


def channel(part):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/data/{part}.csv"}
    return {"ChannelName": part, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def train(job, **hyperparameters):
    sagemaker.create_training_job(
        TrainingJobName=job, RoleArn=role,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        HyperParameters={key: str(value) for key, value in hyperparameters.items()},
        InputDataConfig=[channel("train"), channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=job, WaiterConfig={"Delay": 1})
    data = sagemaker.describe_training_job(TrainingJobName=job)["ModelArtifacts"]["S3ModelArtifacts"]
    sagemaker.create_model(
        ModelName=job, ExecutionRoleArn=role,
        PrimaryContainer={"Image": image, "ModelDataUrl": data})
    sagemaker.create_endpoint_config(EndpointConfigName=job, ProductionVariants=[{
        "VariantName": "AllTraffic", "ModelName": job, "InitialInstanceCount": 1,
        "InstanceType": "ml.t2.medium"}])


def ask():
    for _ in range(100):
        if sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService":
            break
        time.sleep(0.05)
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)
    return float(answer["Body"].read())


train(f"{name}-first", num_round=50, max_depth=4)
sagemaker.create_transform_job(
    TransformJobName=name, ModelName=f"{name}-first",
    TransformInput={
        "DataSource": channel("test")["DataSource"], "ContentType": "text/csv", "SplitType": "Line"},
    TransformOutput={"S3OutputPath": f"s3://{bucket}/scored"},
    TransformResources={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1})
sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
    TransformJobName=name, WaiterConfig={"Delay": 1})
s3.download_file(bucket, "scored/test.csv.out", f"{folder}/test.csv.out")

sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-first")
first = ask()
train(f"{name}-second", num_round=10, max_depth=2)
sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-second")
second = ask()
sagemaker.delete_endpoint(EndpointName=name)
print(json.dumps({
    "role": role, "bucket": bucket, "output": f"s3://{bucket}/scored", "first": first,
    "second": second}))
