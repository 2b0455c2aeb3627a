"""Outside stores that servers keep their blobs in: a second Sagewright, or SeaweedFS."""
import itertools
import json
import subprocess
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

from harness.client import environment
from harness.server import Server, free_port

BUCKET = "outside"
REGION = "us-east-1"
READY_WITHIN = 60.0

_prefixes = itertools.count(1)


class Place:
    """A prefix of an outside store for one data folder: `line` is the setting."""

    def __init__(self, store):
        self.store = store
        self.prefix = f"data-{next(_prefixes)}"
        self.line = f"s3://{BUCKET}/{self.prefix}?region={REGION}&endpoint={store.url}"

    def environ(self):
        """Where a server finds the credentials."""
        return {"AWS_ACCESS_KEY_ID": self.store.key, "AWS_SECRET_ACCESS_KEY": self.store.secret}

    def names(self):
        """Every object below the prefix, by its name there."""
        pages = self.store.s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=self.prefix + "/")
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return [key.removeprefix(self.prefix + "/") for key in found]

    def blobs(self):
        return [name.removeprefix("blobs/") for name in self.names() if name.startswith("blobs/")]

    def uploads(self):
        """Uploads in parts that are under way."""
        answer = self.store.s3.list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix + "/")
        return [upload["Key"] for upload in answer.get("Uploads", [])]

    def uploaded_parts(self):
        """Parts of such uploads: what somebody pays for."""
        answer = self.store.s3.list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix + "/")
        return [part for upload in answer.get("Uploads", []) for part in self.store.s3.list_parts(
            Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", [])]


class Store:
    """What all outside stores have: `url`, `key`, `secret`, and `s3`, a client of theirs."""

    def make_bucket(self):
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        self.s3 = boto3.client(
            "s3", endpoint_url=self.url, region_name=REGION, aws_access_key_id=self.key,
            aws_secret_access_key=self.secret, config=config)
        self.s3.create_bucket(Bucket=BUCKET)
        return self


class Sagewright(Store):
    """A second server of ours."""

    def __init__(self, folder):
        self.server = Server(folder / "outer")
        self.url = self.server.url

    def start(self):
        settings = self.server.start().settings()
        self.key, self.secret = settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]
        return self.make_bucket()

    def pause(self):
        self.server.kill()

    def resume(self):
        self.server.start()

    def stop(self):
        self.server.stop()


class SeaweedFS(Store):
    """All of SeaweedFS in one process on loopback, its reports to its maker switched off."""

    key, secret = "outside-key", "outside-secret"

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.weed = environment("seaweedfs") / "bin/weed"
        # The address of its master is part of what it stores, so a restart needs the same ones.
        parts = ("master", "volume", "filer", "s3")
        ports = {f"{part}.port.grpc": free_port() for part in parts}
        self.ports = ports | {f"{part}.port": free_port() for part in parts[:3]}

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        user = {"name": "outside", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                "credentials": [{"accessKey": self.key, "secretKey": self.secret}]}
        (self.folder / "s3.json").write_text(json.dumps({"identities": [user]}))
        self.resume()
        return self.make_bucket()

    def resume(self):
        options = self.ports | {
            "dir": self.folder, "ip": "127.0.0.1", "ip.bind": "127.0.0.1",
            "master.telemetry": "false", "master.volumeSizeLimitMB": 64, "volume.max": 0,
            "volume.preStopSeconds": 0,
            "s3": "true", "s3.port": self.port, "s3.port.iceberg": 0, "s3.port.lance": 0,
            "s3.config": self.folder / "s3.json",
        }
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(
                [self.weed, "server", *(f"-{name}={value}" for name, value in options.items())],
                cwd=self.folder, stdout=out, stderr=out)
        deadline = time.monotonic() + READY_WITHIN
        while not self.answers():
            assert self.process.poll() is None, f"it ended:\n{self.output()}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.output()}"
            time.sleep(0.05)

    def answers(self):
        """Refusing a stranger is an answer."""
        try:
            urllib.request.urlopen(self.url, timeout=5)
        except urllib.error.HTTPError as answer:
            return answer.code == 403
        except OSError:
            return False
        return True

    def pause(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.pause()

    def output(self):
        return (self.folder / "out").read_text(errors="replace")[-4000:]


STORES = {"sagewright": Sagewright, "seaweedfs": SeaweedFS}
