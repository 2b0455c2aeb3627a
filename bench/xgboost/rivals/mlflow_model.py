"""Keeps `model.ubj` as MLflow keeps models, in the folder `model`."""
import mlflow.xgboost
import xgboost

mlflow.xgboost.save_model(xgboost.Booster(model_file="model.ubj"), "model")
