"""What XGBoost's own packages say: trains and writes predictions down.

Called by the tests with the interpreter of one version's environment:
  oracle.py train [DATA PARAMETERS(json) ROUNDS OUT]...   label-first CSV -> predictions of
                                                          its rows;
                                                          prints each one's metrics, as JSON
  oracle.py rmse DATA PARAMETERS(json) ROUNDS SEEDS       prints the mean training RMSE
  oracle.py folds PARAMETERS(json) ROUNDS FOLDS REPETITIONS CHANNEL...
                                                          cross validation of the channels, drawn
                                                          by scikit-learn from seed 0: prints what
                                                          a job's predictions.csv holds, or nothing
                                                          where there is no scikit-learn
  oracle.py hosts PARAMETERS(json) ROUNDS MODEL SHARD...
                                                          trains in a process for each shard, joined
                                                          by the library's tracker: prints whether
                                                          all have the same trees, which are those
                                                          of the model file
  oracle.py evaluate MODEL DATA METRIC...                 what a model file scores on libsvm text,
                                                          as the package prints it
  oracle.py noted DATA FOLDER                             trains until it stops early, and leaves the
                                                          whole model as archives of both formats,
                                                          and what one of them, loaded again,
                                                          predicts with its best and with all trees
  oracle.py stops PARAMETERS(json) ROUNDS PATIENCE TRAIN [VALIDATION]
                                                          stops early by what is printed last:
                                                          prints how many rounds there were, and
                                                          which was best
Predictions are float32, little-endian, row by row.
"""

import json
import sys
import tarfile
import warnings

import numpy
import xgboost

warnings.filterwarnings("ignore")


def read(path):
    rows = numpy.genfromtxt(path, delimiter=",", dtype=numpy.float64).astype(numpy.float32)
    return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])


def write(booster, data, path):
    booster.predict(data).astype("<f4").tofile(path)


def train(data, parameters, rounds):
    data, parameters, evals = read(data), dict(json.loads(parameters), verbosity=0, nthread=1), {}
    if "num_class" in parameters:
        parameters["num_class"] = int(parameters["num_class"])
    booster = xgboost.train(
        parameters,
        data,
        int(rounds),
        evals=[(data, "train")],
        evals_result=evals,
        verbose_eval=False,
    )
    return booster, data, evals["train"]


def printed(scores):
    return ["%.5f" % score for score in scores]


def folds(parameters, rounds, count, repetitions, *channels):
    try:
        from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
    except ImportError:
        return
    parameters = dict(json.loads(parameters), verbosity=0, nthread=1)
    rows = numpy.concatenate(
        [numpy.genfromtxt(path, delimiter=",").astype(numpy.float32) for path in channels]
    )
    whole, labels = xgboost.DMatrix(rows[:, 1:], label=rows[:, 0]), rows[:, 0]
    classes = "num_class" in parameters or parameters["objective"].startswith("binary:")
    rule = RepeatedStratifiedKFold if classes else RepeatedKFold
    drawn = rule(n_splits=int(count), n_repeats=int(repetitions), random_state=0)
    predicted, said = numpy.zeros(len(rows)), [[] for _ in rows]
    for learned, held in drawn.split(rows, labels):
        model = xgboost.train(parameters, whole.slice(learned), int(rounds))
        for row, outputs in zip(held, model.predict(whole.slice(held)).reshape(len(held), -1)):
            best = outputs.argmax()
            predicted[row] += outputs[best]
            said[row].append(int(best if len(outputs) > 1 else outputs[0] > 0.5))
    for label, total, votes in zip(labels, predicted, said):
        columns = [label, total / int(repetitions)]
        if classes:
            columns.append(max(sorted(set(votes)), key=votes.count))
        print(",".join("%f" % column for column in columns))


def host(parameters, rounds, place, task, shard, trees):
    with xgboost.collective.CommunicatorContext(**place, dmlc_task_id=str(task)):
        booster = xgboost.train(parameters, read(shard), rounds)
        trees.put(booster.get_dump(with_stats=True, dump_format="json"))


def hosts(parameters, rounds, model, *shards):
    import multiprocessing

    from xgboost.tracker import RabitTracker

    parameters = dict(json.loads(parameters), verbosity=0, nthread=1)
    tracker = RabitTracker(n_workers=len(shards), host_ip="127.0.0.1", sortby="task")
    tracker.start()
    place, processes = tracker.worker_args(), multiprocessing.get_context("fork")
    trees = processes.Queue()
    started = [
        processes.Process(target=host, args=(parameters, int(rounds), place, task, shard, trees))
        for task, shard in enumerate(shards)
    ]
    for process in started:
        process.start()
    grown = [trees.get(timeout=100) for _ in started]
    for process in started:
        process.join()
    tracker.wait_for(timeout=10)
    booster = xgboost.Booster()
    booster.load_model(model)
    ours = booster.get_dump(with_stats=True, dump_format="json")
    print("the same" if all(dump == ours for dump in grown) else "different")


def evaluate(model, data, *metrics):
    booster = xgboost.Booster(model_file=model)
    booster.set_param([("eval_metric", metric) for metric in metrics])
    print(booster.eval(xgboost.DMatrix(data), "train"))


def noted(data, folder):
    data = read(data)
    held = data.slice(range(0, data.num_row(), 3))
    held.set_label((held.get_label() + numpy.arange(held.num_row()) % 2) % 2)
    booster = xgboost.train(
        {"objective": "binary:logistic", "verbosity": 0, "nthread": 1},
        data,
        200,
        evals=[(held, "held")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    for kind, name in [("binary", "xgboost-model"), ("json", "xgboost-model.json")]:
        booster.save_model(folder + "/" + name)
        with tarfile.open(folder + "/" + kind + ".tar.gz", "w:gz") as archive:
            archive.add(folder + "/" + name, "xgboost-model")
    loaded = xgboost.Booster(model_file=folder + "/xgboost-model")
    assert loaded.best_ntree_limit < len(loaded.get_dump())
    best = loaded.predict(data, ntree_limit=loaded.best_ntree_limit)
    best.astype("<f4").tofile(folder + "/best")
    # Without a limit the early versions' `predict` takes the best, too.
    rounds = (0, len(loaded.get_dump()))
    loaded.predict(data, iteration_range=rounds).astype("<f4").tofile(folder + "/all")


def stops(parameters, rounds, patience, *paths):
    watched = [(read(path), name) for path, name in zip(paths, ("train", "validation"))]
    booster = xgboost.train(
        dict(json.loads(parameters), verbosity=0, nthread=1),
        watched[0][0],
        int(rounds),
        evals=watched,
        early_stopping_rounds=int(patience),
        verbose_eval=False,
    )
    print(len(booster.get_dump()), booster.best_iteration)


mode, arguments = sys.argv[1], sys.argv[2:]
if mode == "train":
    for at in range(0, len(arguments), 4):
        trained, matrix, metrics = train(*arguments[at : at + 3])
        write(trained, matrix, arguments[at + 3])
        print(json.dumps({name: printed(scores) for name, scores in metrics.items()}))
elif mode == "rmse":
    scores = []
    for seed in range(int(arguments[3])):
        parameters = dict(json.loads(arguments[1]), seed=seed)
        scores.append(train(arguments[0], json.dumps(parameters), arguments[2])[2]["rmse"][-1])
    print(sum(scores) / len(scores))
elif mode == "hosts":
    hosts(*arguments)
elif mode == "noted":
    noted(*arguments)
elif mode == "evaluate":
    evaluate(*arguments)
elif mode == "stops":
    stops(*arguments)
elif mode == "folds":
    folds(*arguments)
else:
    sys.exit("unknown mode " + mode)
