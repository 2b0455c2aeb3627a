"""Accounts beside the first, and what is asked with their keys."""
import json

from harness.api import Api

ROLE = "SagewrightExecutionRole"


def told(server, *arguments):
    """What a command answered."""
    return json.loads(server.command(*arguments, "--json").stdout)


def key_of(server, account, *options):
    return told(server, "keys", "add", "--account", account, *options)


def administrator(server, name):
    """The administrator of a new account of that name."""
    account = told(server, "accounts", "add", "--name", name)
    return Holder(server, key_of(server, account["id"], "--admin"))


class Holder(Api):
    """The API with a key of its own."""

    def __init__(self, server, key):
        self.account, self.key = key["account"], key
        super().__init__(server, server.settings() | {
            "AWS_ACCESS_KEY_ID": key["access_key_id"], "AWS_SECRET_ACCESS_KEY": key["secret_access_key"]})

    @property
    def role(self):
        return f"arn:aws:iam::{self.account}:role/{ROLE}"

    @property
    def bucket(self):
        return f"of-{self.account}"
