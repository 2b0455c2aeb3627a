"""What is asked: models, their environment, and requests.

A request on which ours is meant to differ says why.
"""
import dataclasses
import struct

from sagemaker_containers.record_pb2 import Record

MAGIC = struct.pack("<I", 0xCED7230A)
CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
LIBSVM, RECORDS = "text/libsvm", "application/x-recordio-protobuf"
ACCEPTS = [None, CSV, JSON, JSON_LINES, RECORDS]
ROWS = b"0.1,0.2,0.3,0.4\n-1,1,,0\n1.5,-1.5,0.7,-0.7"
SELECTABLE = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores",
              "predicted_score"]

PLAIN_LINES = "JSON lines and records are sent of bare predictions too"
LIMIT = "too large a payload is told by the limit, not by a page of HTML"
VOTES = "a vote counts each row, not the first one alone"
ONE_COLUMN = "a single column may begin with a sign"
NO_FEATURES = "a record without features is refused, not forgotten"
EMPTY_ROW = "a sparse record may hold nothing, and rows may be of several shapes"
CUT = "a long text is cut in the message that refuses it"
SCRIPTS = "numbers in the digits of other scripts are refused"
ONE_TOO_FAR = "an index past 64 bits is refused by its text"
REFUSED = "a refused record is told by its number and why"


@dataclasses.dataclass
class Case:
    name: str
    body: bytes
    content_type: str | None = CSV
    accept: str | None = None
    better: str | None = None


@dataclasses.dataclass
class Scene:
    model: str
    cases: list
    environment: dict = dataclasses.field(default_factory=dict)

    @property
    def name(self):
        return "_".join([self.model, *map("=".join, self.environment.items())]).replace(",", "+").replace("/", "-")


def accepted(plain=PLAIN_LINES, body=ROWS, better=None):
    """The same rows for everything that may be accepted."""
    return [Case(f"accept {accept}", body, accept=accept,
                 better=better or (plain if accept in (JSON_LINES, RECORDS) else None))
            for accept in ACCEPTS]


def record(values, keys=(), shape=(), tensor="float32_tensor", label=None):
    message = Record()
    numbers = getattr(message.features["values"], tensor)
    numbers.values.extend(values)
    numbers.keys.extend(keys)
    numbers.shape.extend(shape)
    if label is not None:
        message.label["values"].float32_tensor.values.append(label)
    return framed(message.SerializeToString())


def framed(message):
    return MAGIC + struct.pack("<I", len(message)) + message + bytes(-len(message) % 4)


def content_types():
    for sent in [None, "", "csv", "CSV", "text/csv; charset=utf-8", "text/csv;label_size=1",
                 "text/csv; label_size=2", 'text/csv; label_size="1"', "text/plain", "parquet",
                 "application/x-parquet", "application/json", "libsvm", "text/x-libsvm ;charset=utf8",
                 "recordio-protobuf", "image/png", "text/csv,text/csv"]:
        yield Case(f"content type {sent}", b"1 1:1", content_type=sent,
                   better=REFUSED if sent == "recordio-protobuf" else None)
    yield Case("empty", b"")
    yield Case("empty, nothing accepted", b"", content_type="foo/bar", accept="foo/bar")


def accepts():
    for accept in ["*/*", "", " ", "TEXT/CSV", "text/csv; q=1", "application/json; verbose=true",
                   "application/json, text/csv", "text/*", "csv", "foo/bar", "Foo/Bar; x=y"]:
        yield Case(f"accept {accept}", ROWS, accept=accept)
    yield Case("bad payload, nothing accepted", b"a,b", accept="foo/bar")
    yield Case("too wide, nothing accepted", b"1,2,3,4,5", accept="foo/bar")


def csv():
    texts = [
        "1,2,3,4", "1,2,3,4\n", "\r\n 1,2,3,4 \n\n", "1,2,3,4\r\n5,6,7,8\r\n", "1,2,3,4\n\n5,6,7,8",
        "1\t2\t3\t4", "1;2;3;4", "1 2 3 4", "1:2:3:4", "1|2|3|4", "1, 2, 3, 4", "1 ,2 ,3", "1;2,3;4",
        "1#2#3#4\n1#2#3#4", "1.5|2|3", "1/2/3", "1\x0b2\x0b3", "1~2~3",
        ",,,", ",1,,", "1,,", ",", ";", "#", "a", "nan", "hello world", "a,b,c,d\n1,2,3,4",
        "1,2", "1", "0.5\n0.7", "1,2,3,4,5", "1,2\n3", "1,x\n3", "1,2\nx,y", "inf,1\nx,1", "inf,1\n1",
        '"1","2"', "'1','2'", '1,"2",3,4', '"1",2,3,4', "1,2,3,'4'", '1,2"3,4', '"1" "2"', '"a",b',
        "1,True", "1,None", "1,0x10", "1,1_0", "1,1__0", "1,_1", "1,1_", "1,1e1_0", "1,1_0.5",
        "1,+1", "1,--1", "1,.5", "1,5.", "1,.", "1,1e5", "1,1E5", "1,1e", "1,e5", "1,1.5.2", "1,1e+5",
        "1,nan", "1,NaN", "1,+nan", "1,-nan", "1,nan(1)", "1,inf", "1,-inf", "1,Infinity", "1,1e39",
        "1,1e300", "1,1e400", "1,-1e400", "1,1e-50", "1,1e-400", "1,4.9e-324", "1,1e-45",
        "1,3.4028235e38", "1,3.4028235677973366e38", "1,3.4028236e38", "1,-0", "1,-0.0",
        "1,0.1000000000000000055511151231257827", "1,16777217", "1,9007199254740993",
        "1,\u00a02", "1,2\u2003", "1,\u00b2", "1,\u00bd", "\ufeff1,2,3,4",
        "1\u00b72\u00b73", "1,\u00e9", "1,it's", "1,a\\b", "1,a'b\"c", "1,\x00", "1,2\x00", "1,a\x00b",
        "1,a\tb", "1,\x1c2", "1,\x85", "1,\u0301", "1" * 600 + ",2", "1," * 300,
    ]
    for text in texts:
        yield Case(f"csv {text[:40]!r}", text.encode())
    for text, reason in [("-1e-5", ONE_COLUMN), ("-1e-5\n2", ONE_COLUMN), ("1-2-3", ONE_COLUMN),
                         ("1,\u0661", SCRIPTS), ("1,\uff11", SCRIPTS), ("1," + "x" * 100, CUT)]:
        yield Case(f"csv {text[:40]!r}", text.encode(), better=reason)
    for body in [b" ", b"\n", b"\x0b", b"1,\xff", b"1,\x80", b"1,\xc3", b"1,\xc3,", b"1,\xe2\x82",
                 b"1,\xe2\x82,", b"1,\xf5\x80", b"1,\xed\xa0\x80", b"1,\xc0\xaf", b"1,\xf0\x9f\x98"]:
        yield Case(f"csv {body!r}", body)


def libsvm():
    texts = [
        "1 0:1 1:2 2:3 3:4", "1 1:1 2:2 3:3 4:4", "0:1", "1:1", "4:1", "5:1", "3:1\n0:1", "4:1\n0:1",
        "1 1:1\n\n1 2:1", "1 1:1\n1", "1\n1 1:1", "1\n1", "1", "x", "1 2 3", "1 1:a", "1 a:1", "1 1:",
        "1 :1", "1 1:1:2", "1 -1:2", "1 0:1 -1:2", "1 1:1 1:2", "1 1:1e38 1:3e38", "1\t1:5",
        "1  1:5   2:6", "1 1:5\r\n1 2:6\r\n", "1 1:nan", "1 1:inf", "1 1:1e300", "1 qid:3 1:1",
        "1 1_0:1", "1 0_1:1", "1 1:1_0", "1 +1:1", "1 1.0:2", "1 99999999999:1", "1 2147483647:1",
        "1 2147483648:1", "1 9223372036854775807:1", "# comment", "1 # 1:2", "1 1:2 # 3:4", "1:2:3",
        "1 3:1 2:1 1:1", "1 1:a b:1", "1 1:0 2:0", "1 1:-0",
    ]
    for text in texts:
        yield Case(f"libsvm {text!r}", text.encode(), content_type=LIBSVM)
    for text, reason in [("1 \u0661:1", SCRIPTS), ("1 1:\u0661", SCRIPTS),
                         ("1 9223372036854775808:1", ONE_TOO_FAR)]:
        yield Case(f"libsvm {text!r}", text.encode(), content_type=LIBSVM, better=reason)
    for body in [b" ", b"\xff"]:
        yield Case(f"libsvm {body!r}", body, content_type=LIBSVM)


def records():
    row = [0.1, 0.2, 0.3, 0.4]
    bodies = {
        "float32": record(row),
        "float64": record(row, tensor="float64_tensor"),
        "int32": record([1, -1, 0, 2], tensor="int32_tensor"),
        "of three types": record(row) + record(row, tensor="float64_tensor")
        + record([1, 0, 0, 2], tensor="int32_tensor"),
        "labelled": record(row, label=1) + record(row, label=0),
        "narrow": record([1, 2]),
        "wide": record([1, 2, 3, 4, 5]),
        "missing": record([float("nan"), 1, 2, 3]),
        "infinite": record([float("inf"), 1, 2, 3]),
        "too large for 32 bits": record([1e300, 1, 2, 3], tensor="float64_tensor"),
        "with a shape": record(row, shape=[4]),
        "sparse": record([0.1, 0.4], keys=[0, 3], shape=[4]),
        "sparse, unsorted": record([0.4, 0.1], keys=[3, 0], shape=[4]),
        "sparse without a shape": record([0.1, 0.4], keys=[0, 3]),
        "sparse and wide": record([0.1], keys=[0], shape=[5]),
        "sparse and narrow": record([0.1], keys=[0], shape=[2]),
        "sparse, zero": record([0.0, 1], keys=[0, 1], shape=[4]),
        "only empty": record([], shape=[4]),
        "two sparse": record([0.1], keys=[1], shape=[4]) + record([1, 1], keys=[0, 2], shape=[4]),
        "dense of two widths": record([1, 2]) + record([1, 2, 3]),
        "bytes behind": record(row) + b"abc",
    }
    better = {
        "sparse of two shapes": (EMPTY_ROW, record([1], keys=[0], shape=[2])
                                 + record([1], keys=[0], shape=[4])),
        "sparse and empty": (EMPTY_ROW, record([1], keys=[0], shape=[4]) + record([], shape=[4])),
        "no message": (REFUSED, framed(b"\x0a\xff\xff\xff")),
        "dense, empty": (REFUSED, record([])),
        "a key beyond its shape": (REFUSED, record([1], keys=[7], shape=[4])),
        "more values than keys": (REFUSED, record([1, 2], keys=[0], shape=[4])),
        "no features": (NO_FEATURES, record(row) + framed(b"") + record(row)),
        "no record": (NO_FEATURES, framed(b"")),
        "no frame": (REFUSED, b"1,2,3,4,5,6"),
        "cut off": (REFUSED, record(row)[:-3]),
        "white space": (REFUSED, b" "),
    }
    for name, body in bodies.items():
        yield Case(f"records {name}", body, content_type=RECORDS)
    for name, (reason, body) in better.items():
        yield Case(f"records {name}", body, content_type=RECORDS, better=reason)


def selected(objective, keys):
    asked = ",".join(reversed([*keys, "nonsense"])).replace("_l", "_L", 1).replace(",", ", ", 1)
    return Scene(objective, accepted(plain=None), {"SAGEMAKER_INFERENCE_OUTPUT": asked})


CLASSES = SELECTABLE[:6]
WITHOUT_PROBABILITIES = [key for key in CLASSES if not key.startswith("probabilit")]
SCENES = [
    Scene("binary-logistic", [*accepted(), *content_types(), *accepts(), *csv(), *libsvm(), *records()]),
    *(Scene(model, accepted()) for model in [
        "multi-softprob", "multi-softmax", "reg-squarederror", "count-poisson", "binary-hinge",
        "reg-squarederror-together", "binary-logistic-together", "multi-softprob-together"]),
    *(Scene(f"{model}-together", accepted(better=VOTES)) for model in ["multi-softmax", "binary-hinge"]),
    Scene("binary-logistic", accepted(plain=None), {"SAGEMAKER_BATCH": "true"}),
    Scene("multi-softprob", accepted(plain=None), {"SAGEMAKER_BATCH": "true"}),
    Scene("multi-softprob", accepted(), {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": JSON}),
    Scene("multi-softprob", accepted(plain=None),
          {"SAGEMAKER_INFERENCE_OUTPUT": "labels,probability", "SAGEMAKER_BATCH": "true"}),
    Scene("binary-logistic", [
        Case("at the limit", b"1,2,3,4"), Case("over the limit", b"1,2,3,45", better=LIMIT),
        Case("over the limit, nothing accepted", b"1,2,3,45", accept="foo/bar", better=LIMIT)],
        {"MAX_CONTENT_LENGTH": "7"}),
    selected("binary-logistic", CLASSES),
    selected("multi-softprob", CLASSES),
    selected("binary-logitraw", WITHOUT_PROBABILITIES),
    selected("binary-hinge", WITHOUT_PROBABILITIES),
    selected("multi-softmax", WITHOUT_PROBABILITIES),
    *(selected(model, ["predicted_score"])
      for model in ["reg-squarederror", "reg-logistic", "reg-gamma", "reg-tweedie", "count-poisson"]),
    selected("binary-logistic-together", CLASSES),
]
