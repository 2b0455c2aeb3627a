#!/bin/sh
# The workflow by the AWS command line: aws_cli.sh FOLDER. The last line is the result, as JSON.
set -eu
folder=$1
image=683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1
account=$(aws sts get-caller-identity --query Account --output text)
role=arn:aws:iam::$account:role/SageMaker
bucket=by-cli
machine=InstanceType=ml.m4.xlarge,InstanceCount=1
aws s3 mb s3://$bucket >&2
aws s3 cp --recursive "$folder" s3://$bucket/data --exclude '*' --include '*.csv' >&2

channel() { # name
    printf 'ChannelName=%s,ContentType=text/csv,DataSource={S3DataSource={S3DataType=S3Prefix,S3Uri=s3://%s/data/%s.csv}}' \
        "$1" $bucket "$1"
}

train() { # job, rounds, depth
    aws sagemaker create-training-job --training-job-name "$1" --role-arn "$role" \
        --algorithm-specification TrainingImage=$image,TrainingInputMode=File \
        --hyper-parameters "num_round=$2,max_depth=$3" \
        --input-data-config "$(channel train)" "$(channel validation)" \
        --output-data-config S3OutputPath=s3://$bucket/output \
        --resource-config $machine,VolumeSizeInGB=1 \
        --stopping-condition MaxRuntimeInSeconds=600 >&2
    aws sagemaker wait training-job-completed-or-stopped --training-job-name "$1"
    data=$(aws sagemaker describe-training-job --training-job-name "$1" \
        --query ModelArtifacts.S3ModelArtifacts --output text)
    aws sagemaker create-model --model-name "$1" --execution-role-arn "$role" \
        --primary-container "Image=$image,ModelDataUrl=$data" >&2
    aws sagemaker create-endpoint-config --endpoint-config-name "$1" --production-variants \
        "VariantName=AllTraffic,ModelName=$1,InitialInstanceCount=1,InstanceType=ml.t2.medium" >&2
}

ask() {
    until [ "$(aws sagemaker describe-endpoint --endpoint-name by-cli \
        --query EndpointStatus --output text)" = InService ]; do :; done
    head -n 1 "$folder/test.csv" > "$folder/row"
    aws sagemaker-runtime invoke-endpoint --endpoint-name by-cli --content-type text/csv \
        --body "fileb://$folder/row" "$folder/answer" >&2
    cat "$folder/answer"
}

train by-cli-first 50 4
aws sagemaker create-transform-job --transform-job-name by-cli --model-name by-cli-first \
    --transform-input "DataSource={S3DataSource={S3DataType=S3Prefix,S3Uri=s3://$bucket/data/test.csv}},ContentType=text/csv,SplitType=Line" \
    --transform-output S3OutputPath=s3://$bucket/scored --transform-resources $machine >&2
aws sagemaker wait transform-job-completed-or-stopped --transform-job-name by-cli
aws s3 cp --recursive s3://$bucket/scored "$folder" >&2

aws sagemaker create-endpoint --endpoint-name by-cli --endpoint-config-name by-cli-first >&2
first=$(ask)
train by-cli-second 10 2
aws sagemaker update-endpoint --endpoint-name by-cli --endpoint-config-name by-cli-second >&2
second=$(ask)
aws sagemaker delete-endpoint --endpoint-name by-cli >&2
printf '{"role": "%s", "bucket": "%s", "output": "s3://%s/scored", "first": %s, "second": %s}\n' \
    "$role" $bucket $bucket "$first" "$second"
