"""The course's notebook as one script: split, upload, train, transform, deploy, update, delete.

Everything below is what the course's students typed, for SageMaker and SDK version 1. The script
adds three things to the notebook: the time of each step, a constant to compare the error with, and
an endpoint update. Each `# %%` begins a cell.
"""

# %% What the notebook imports
import os
import subprocess
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd
import sagemaker
from sagemaker import get_execution_role
from sagemaker.amazon.amazon_estimator import get_image_uri
from sagemaker.predictor import csv_serializer
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

times = {}


@contextmanager
def step(name):
    start = time.perf_counter()
    yield
    times[name] = time.perf_counter() - start


# %% Session and role
with step('session and role'):
    session = sagemaker.Session()
    role = get_execution_role()

# %% Split: two thirds and one third, twice
diabetes = load_diabetes(as_frame=True)
X, Y = diabetes.data, diabetes.target
X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=0.33, random_state=1)
X_train, X_val, Y_train, Y_val = train_test_split(X_train, Y_train, test_size=0.33, random_state=1)

data_dir = 'data/diabetes'
if not os.path.exists(data_dir):
    os.makedirs(data_dir)

X_test.to_csv(os.path.join(data_dir, 'test.csv'), header=False, index=False)
pd.concat([Y_val, X_val], axis=1).to_csv(
    os.path.join(data_dir, 'validation.csv'), header=False, index=False)
pd.concat([Y_train, X_train], axis=1).to_csv(
    os.path.join(data_dir, 'train.csv'), header=False, index=False)

# %% Upload
prefix = 'diabetes-xgboost'
with step('upload'):
    test_location = session.upload_data(os.path.join(data_dir, 'test.csv'), key_prefix=prefix)
    val_location = session.upload_data(os.path.join(data_dir, 'validation.csv'), key_prefix=prefix)
    train_location = session.upload_data(os.path.join(data_dir, 'train.csv'), key_prefix=prefix)

# %% Train
container = get_image_uri(session.boto_region_name, 'xgboost')
xgb = sagemaker.estimator.Estimator(
    container,
    role,
    train_instance_count=1,
    train_instance_type='ml.m4.xlarge',
    output_path='s3://{}/{}/output'.format(session.default_bucket(), prefix),
    sagemaker_session=session)
xgb.set_hyperparameters(
    max_depth=5,
    eta=0.2,
    gamma=4,
    min_child_weight=6,
    subsample=0.8,
    objective='reg:linear',
    early_stopping_rounds=10,
    num_round=200)
s3_input_train = sagemaker.s3_input(s3_data=train_location, content_type='csv')
s3_input_validation = sagemaker.s3_input(s3_data=val_location, content_type='csv')
with step('fit'):
    xgb.fit({'train': s3_input_train, 'validation': s3_input_validation})

# %% Test with a batch transform job
with step('transform'):
    xgb_transformer = xgb.transformer(instance_count=1, instance_type='ml.m4.xlarge')
    xgb_transformer.transform(test_location, content_type='text/csv', split_type='Line')
    xgb_transformer.wait()

# %% Copy its output here; in the notebook this line begins with an exclamation mark
with step('aws s3 cp'):
    subprocess.run(
        ['aws', 's3', 'cp', '--recursive', xgb_transformer.output_path, data_dir], check=True)

Y_pred = pd.read_csv(os.path.join(data_dir, 'test.csv.out'), header=None)
rmse = np.sqrt(mean_squared_error(Y_test, Y_pred))
baseline = np.sqrt(mean_squared_error(Y_test, np.full(len(Y_test), Y_train.mean())))

# %% Deploy, and ask for one prediction
with step('deploy'):
    xgb_predictor = xgb.deploy(initial_instance_count=1, instance_type='ml.t2.medium')
xgb_predictor.content_type = 'text/csv'
xgb_predictor.serializer = csv_serializer
with step('predict'):
    prediction = float(xgb_predictor.predict(X_test.values[0]).decode('utf-8'))

# %% Train a second model, and put it in the place of the first
xgb.set_hyperparameters(max_depth=3, eta=0.1)
with step('fit a second model'):
    xgb.fit({'train': s3_input_train, 'validation': s3_input_validation}, logs=False)
with step('update the endpoint'):
    xgb.deploy(
        initial_instance_count=1,
        instance_type='ml.t2.medium',
        update_endpoint=True,
        endpoint_name=xgb_predictor.endpoint)
second = float(xgb_predictor.predict(X_test.values[0]).decode('utf-8'))

# %% Delete
with step('delete'):
    xgb_predictor.delete_endpoint()

# %% What came out
print()
print('RMSE on the test set  {:8.2f}   ({:.2f} for always predicting the mean)'.format(rmse, baseline))
print('Transform output      {}/test.csv.out'.format(xgb_transformer.output_path))
print('First test row        {:8.2f}   predicted by the endpoint, {:.2f} after its update, {:.0f} measured'
      .format(prediction, second, Y_test.iloc[0]))
print()
for name, seconds in times.items():
    print('{:<22}{:8.2f} s'.format(name, seconds))
first_prediction = list(times).index('predict') + 1
print('{:<22}{:8.2f} s'.format('to first prediction', sum(list(times.values())[:first_prediction])))
