"""The licences of all crates that are linked into the program, as their authors shipped them."""
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How files are called that a licence asks to be passed on.
NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def licences(machine):
    """One text: which crates there are, then each licence once with the crates it came with."""
    crates = sorted(linked(metadata(machine)), key=lambda crate: (crate["name"], crate["version"]))
    listed = [f"{crate['name']} {crate['version']}: {crate['license']}" for crate in crates]
    texts = {}
    for crate in crates:
        for text in shipped(Path(crate["manifest_path"]).parent):
            texts.setdefault(text, []).append(f"{crate['name']} {crate['version']}")
    whole = [f"{', '.join(users)}\n\n{text}" for text, users in texts.items()]
    rule = "\n\n" + "-" * 80 + "\n\n"
    return rule.join(["Sagewright contains these crates:\n\n" + "\n".join(listed), *whole]) + "\n"


def metadata(machine):
    command = ["cargo", "metadata", "--locked", "--format-version", "1",
               "--filter-platform", f"{machine}-unknown-linux-gnu"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def linked(graph):
    """The crates from a registry that the program leads to, but for tests and build scripts."""
    packages = {package["id"]: package for package in graph["packages"]}
    uses = {node["id"]: node["deps"] for node in graph["resolve"]["nodes"]}
    seen, ahead = set(), [id for id, package in packages.items() if package["name"] == "sagewright"]
    while ahead:
        crate = ahead.pop()
        if crate not in seen:
            seen.add(crate)
            ahead += [used["pkg"] for used in uses[crate]
                      if any(kind["kind"] is None for kind in used["dep_kinds"])]
    return [packages[crate] for crate in seen if packages[crate]["source"]]


def shipped(folder):
    files = (file for file in sorted(folder.iterdir()) if file.is_file())
    return [file.read_text(errors="replace").strip() for file in files
            if file.name.upper().startswith(NAMES)]
