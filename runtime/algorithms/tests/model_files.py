"""Opens model files that training wrote, with the package of the version that they are for.

Called with the interpreter of that version's environment:
  model_files.py [DATA FILE OUT PARAMETERS(json) ROUNDS]...
Every FILE is opened as its users open it, and scores the rows of DATA, label-first CSV: predictions
go to OUT as float32, little-endian, row by row. If there are PARAMETERS, the package trains with
them and writes what its container wrote: but for floats, which another release rounds otherwise, and
for what pruning counted, all has to be where FILE has it.
"""

import io
import json
import pickle
import pickletools
import struct
import sys
import tempfile
import warnings

import numpy
import xgboost

warnings.filterwarnings("ignore")
# What a pickle may leave out: numbers for values that are used again, and lengths to read ahead.
AIDS = {"BINPUT", "LONG_BINPUT", "MEMOIZE", "FRAME"}
BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}


def read(path):
    rows = numpy.genfromtxt(path, delimiter=",", dtype=numpy.float64).astype(numpy.float32)
    return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])


def whole(value):
    """The package counts with `num_class` itself."""
    return int(value) if value.isdigit() else value


def opened(path):
    with open(path, "rb") as file:
        content = file.read()
    if content[:1] == b"\x80":
        return pickle.loads(content), content
    booster = xgboost.Booster()
    booster.load_model(path)
    return booster, content


def predicted(booster, data):
    """Without a limit `dart` drops trees even where it predicts, and a linear model takes none."""
    if xgboost.__version__ >= "2":
        return booster.predict(data)
    dump = booster.get_dump()
    linear, classes = "weight" in dump[0], booster.predict(data, output_margin=True)[:1].size
    best = getattr(booster, "best_ntree_limit", len(dump) // classes)
    return booster.predict(data, ntree_limit=0 if linear else best)


def written(booster, protocol):
    if protocol is not None:
        return pickle.dumps(booster, protocol)
    with tempfile.NamedTemporaryFile() as file:
        booster.save_model(file.name)
        return file.read()


def pickled(content):
    """The instructions of a pickle, and the model in it."""
    steps = [(step.name, argument) for step, argument, _ in pickletools.genops(content)]
    handle = next(bytes(argument) for name, argument in steps if name in BYTES)
    mark = b"CONFIG-offset:"
    if handle.startswith(mark):
        (length,) = struct.unpack_from("<q", handle, len(mark))
        handle = handle[len(mark) + 8 :][:length]
    return [step for step in steps if step[0] not in AIDS | BYTES], handle


def described(model):
    """What of an old binary has to be the same, and its floats."""
    file, exact, floats = io.BytesIO(model), [], []

    def take(form):
        return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))

    def text():
        return file.read(*take("q"))

    if model.startswith(b"binf"):
        exact.append(take("4s"))
    floats += take("f")
    # Of a trained model nobody asks whether its base score was given.
    *parameters, _base_score_is_average = take("8i")
    exact += [parameters, take("25i"), text(), text()]
    if exact[-1] == b"gblinear":
        exact += [take("34i"), take("q")]
        # Weights are trained in a random order.
        take("%df" % exact[-1])
    else:
        forest = take("40i")
        exact.append(forest)
        for _ in range(forest[0]):
            tree = take("37i")
            exact.append(tree)
            for _ in range(tree[1]):
                *node, value = take("4if")
                # Of a node that was pruned away, nothing is left to look for.
                deleted = node[3] == -1
                exact.append([-1] if deleted else node)
                floats.append(0 if deleted else value)
            for _ in range(tree[1]):
                floats += take("3fi")[:3]
        exact.append(take("%di" % forest[0]))
        if b"dart" in exact:
            floats += take("%df" % take("q"))
    exact.append(file.read())
    return exact, floats


def compare(ours, theirs, name):
    if ours[:1] == b"\x80":
        (steps, ours), (expected, theirs) = pickled(ours), pickled(theirs)
        assert steps == expected, (name, steps, expected)
    (exact, floats), (expected, close) = described(ours), described(theirs)
    for one, other in zip(exact, expected):
        assert one == other, (name, one, other)
    assert len(exact) == len(expected), name
    assert numpy.allclose(floats, close, rtol=1e-3, atol=1e-4), name


arguments = sys.argv[1:]
for at in range(0, len(arguments), 5):
    path, file, out, parameters, rounds = arguments[at : at + 5]
    data = read(path)
    booster, content = opened(file)
    predicted(booster, data).astype("<f4").tofile(out)
    if parameters:
        parameters = {name: whole(value) for name, value in json.loads(parameters).items()}
        parameters["verbosity"] = 0
        trained = xgboost.train(parameters, data, int(rounds), verbose_eval=False)
        protocol = content[1] if content[:1] == b"\x80" else None
        compare(content, written(trained, protocol), (xgboost.__version__, parameters))
