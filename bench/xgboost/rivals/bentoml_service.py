"""The service that BentoML's documentation has for a booster."""
import bentoml
import numpy
import xgboost


@bentoml.service(workers=2)
class Booster:
    def __init__(self):
        self.booster = xgboost.Booster(model_file="model.ubj")

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self.booster.inplace_predict(numpy.asarray(rows, numpy.float32)).tolist()
