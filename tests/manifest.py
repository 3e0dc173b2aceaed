#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a Kubernetes manifest or a compose file says, for containers.bats.

manifest.py check FILE...     Kubernetes: is each object as the API has it? Says what is not
manifest.py init FILE         what the container that installs is given, one word a line
manifest.py variables FILE    the environment of the other one, each ended by a NUL
manifest.py places FILE       where the volume is in the one that installs, and in the other, and its mode there
"""
import json
import sys

import yaml


def differences(written, understood, path):
    """Where what the API has made of it is something else: a member that it does not know, a number for a text."""
    if isinstance(written, dict) and isinstance(understood, dict):
        for name in written.keys() | understood.keys():
            yield from differences(written.get(name), understood.get(name), f"{path}.{name}")
    elif isinstance(written, list) and isinstance(understood, list) and len(written) == len(understood):
        for index, items in enumerate(zip(written, understood)):
            yield from differences(*items, f"{path}[{index}]")
    elif written != understood or type(written) is not type(understood):
        yield f"{path}: {written!r} is {understood!r} for the API"


def problems(path):
    # The client of the Kubernetes project is generated from its schema.
    from kubernetes import client

    versions = {"Deployment": "apps/v1", "Pod": "v1"}
    api = client.ApiClient()
    with open(path, encoding="utf-8") as file:
        objects = list(yaml.safe_load_all(file))
    if not objects:
        yield "nothing is in it"
    for written in objects:
        kind = written["kind"]
        if versions.get(kind) != written["apiVersion"]:
            yield f"{kind} is not in {written['apiVersion']}"
            continue

        class Response:
            data = json.dumps(written)

        try:
            understood = api.sanitize_for_serialization(api.deserialize(Response, "V1" + kind))
        except (ValueError, AttributeError) as error:
            yield str(error)
            continue
        yield from differences(written, understood, kind)


def check(paths):
    wrong = [f"{path}: {problem}" for path in paths for problem in problems(path)]
    if wrong:
        print("\n".join(wrong))
    return bool(wrong)


def containers(path):
    """The one that installs and the other: (words, variables, place of the volume, its mode)."""
    with open(path, encoding="utf-8") as file:
        manifest = yaml.safe_load(file)
    if "services" in manifest:
        for service in manifest["services"].values():
            _, place, *mode = service["volumes"][0].split(":")
            yield service.get("command", []), service.get("environment", {}), place, (mode or ["rw"])[0]
        return
    pod = manifest["spec"]["template"]["spec"]
    for container in pod["initContainers"] + pod["containers"]:
        mount = container["volumeMounts"][0]
        variables = {variable["name"]: variable["value"] for variable in container.get("env", [])}
        yield container.get("args", []), variables, mount["mountPath"], "ro" if mount.get("readOnly") else "rw"


def main():
    what, path = sys.argv[1:3]
    if what == "check":
        return check(sys.argv[2:])
    (words, _, place, _), (_, variables, other, mode) = containers(path)
    if what == "init":
        print("\n".join(words))
    elif what == "variables":
        for name, value in variables.items():
            sys.stdout.write(f"{name}={value}\0")
    else:
        print(place, other, mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
