"""SDK v2's Transformer with everything that it can ask for: `sdk_v2_transform.py MODEL FROM TO`.

Prints the finished job's description.
"""
import json
import sys

import sagemaker
from sagemaker.transformer import Transformer

model, source, target = sys.argv[1:]
session = sagemaker.Session()
transformer = Transformer(
    model, instance_count=2, instance_type="ml.m4.xlarge", strategy="MultiRecord",
    assemble_with="Line", accept="text/csv", output_path=target, max_concurrent_transforms=2,
    max_payload=1, env={"OMP_NUM_THREADS": "1"}, sagemaker_session=session)
transformer.transform(
    source, content_type="text/csv", split_type="Line", compression_type="Gzip",
    input_filter="$[1:]", join_source="Input", output_filter="$[0,-1]",
    model_client_config={"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1},
    wait=True, logs=False)
job = session.sagemaker_client.describe_transform_job(
    TransformJobName=transformer.latest_transform_job.name)
print(json.dumps(job, default=str))
