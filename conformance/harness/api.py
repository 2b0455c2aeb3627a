"""The API by boto3, in the tests' own process, and the few requests that most tests begin with."""
import itertools
import time

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
BUCKET = "conformance"

_numbers = itertools.count(1)


def unique(name):
    """A name that no other test of this session has."""
    return f"{name}-{next(_numbers)}"


class Api:
    """Clients for one server: `api.sagemaker`, `api.s3`, …; plain HTTP, signed with its key, or
    with the one of the settings."""

    def __init__(self, server, settings=None):
        self.server = server
        settings = settings or server.settings()
        self.settings = settings
        self.session = boto3.Session(
            settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"],
            region_name=settings["AWS_REGION"])
        self.sagemaker = self.client("sagemaker")
        self.runtime = self.client("sagemaker-runtime")
        self.s3 = self.client("s3")
        self.logs = self.client("logs")
        self.cloudwatch = self.client("cloudwatch")
        self.sts = self.client("sts")
        self.iam = self.client("iam")

    def client(self, service, **options):
        config = Config(retries={"total_max_attempts": 1}).merge(options.pop("config", Config()))
        return self.session.client(service, config=config, **{"endpoint_url": self.server.url} | options)

    def through_connect(self, service, **config):
        """A client that knows AWS's own host name only, and comes in through CONNECT and TLS."""
        proxies = Config(proxies={"https": self.settings["HTTPS_PROXY"]}, **config)
        return self.client(
            service, endpoint_url=None, verify=self.settings["AWS_CA_BUNDLE"], config=proxies)

    def ensure_bucket(self, name=BUCKET):
        try:
            self.s3.create_bucket(Bucket=name)
        except self.s3.exceptions.BucketAlreadyOwnedByYou:
            pass
        return name

    def put(self, key, text, bucket=BUCKET):
        """Stores text and returns its URI."""
        self.ensure_bucket(bucket)
        self.s3.put_object(Bucket=bucket, Key=key, Body=text)
        return f"s3://{bucket}/{key}"

    def read(self, uri):
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def train(self, name, channels, hyperparameters, **changes):
        """CreateTrainingJob with what every test leaves alone; `channels` is name -> URI."""
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
            "HyperParameters": {key: str(value) for key, value in hyperparameters.items()},
            "InputDataConfig": [channel(key, uri) for key, uri in channels.items()],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
            "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }
        return self.sagemaker.create_training_job(**request | changes)

    def finished(self, name, within=120.0):
        """The job's description, once it has ended: each Describe is held until then."""
        return until(lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
                     lambda job: job["TrainingJobStatus"] not in ("InProgress", "Stopping"), within)

    def transformed(self, name):
        return until(lambda: self.sagemaker.describe_transform_job(TransformJobName=name),
                     lambda job: job["TransformJobStatus"] not in ("InProgress", "Stopping"))

    def model(self, name, data, image=XGBOOST):
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": image, "ModelDataUrl": data})

    def config(self, name, **weights):
        """An endpoint configuration: `config("c", model_a=3, model_b=1)`."""
        variants = [
            {"VariantName": f"v-{model}", "ModelName": model, "InitialVariantWeight": weight,
             "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
            for model, weight in weights.items()]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    def in_service(self, name):
        return until(lambda: self.sagemaker.describe_endpoint(EndpointName=name),
                     lambda endpoint: endpoint["EndpointStatus"] not in ("Creating", "Updating"))

    def invoke(self, endpoint, row, **options):
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=row, ContentType="text/csv", **options)
        return float(answer["Body"].read()), answer["InvokedProductionVariant"]


def channel(name, uri, content_type="text/csv"):
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": content_type, "DataSource": {"S3DataSource": source}}


def until(look, done, within=120.0, every=0.02):
    """Looks until it is done; a condition that never comes is a failure that shows the last look."""
    deadline = time.monotonic() + within
    while not done(seen := look()):
        assert time.monotonic() < deadline, f"still not so after {within} s: {str(seen)[:500]}"
        time.sleep(every)
    return seen
