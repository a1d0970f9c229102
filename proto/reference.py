#!/usr/bin/env python3
"""Writes docs/pipeline.md, the reference of the pipeline file, from the messages that the file is checked against.

The messages are proto/ebb/v1/pipeline.proto and, of each operator, the messages named *Config in operators/*/*.proto.
Types, defaults and bounds come from their fields and rules, meanings from their comments; which operator has which
config, and what it takes and emits, from its C++ class. Needs protoc, and nothing beyond Python's own library.

    proto/reference.py            write docs/pipeline.md
    proto/reference.py --check    fail when docs/pipeline.md is not what would be written
"""

import argparse
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULE = 50631  # The number of the extension ebb.v1.rule.
REPEATED, DOUBLE, FLOAT, BOOL, STRING, MESSAGE, BYTES, ENUM = 3, 1, 2, 8, 9, 11, 12, 14

INTRO = """\
<!-- Written by proto/reference.py; do not edit. -->
# The pipeline file

A pipeline is one YAML file. `ebb validate FILE` names every mistake in it with line and column.

How values are written:

| type | examples |
|---|---|
| duration | `250ms`, `10s`, `5m`, `2h30m`, `7d` |
| bytes | `4096`, `64KiB`, `512MiB`, `2GiB` |
| time | `2024-02-29`, `2024-02-29T18:30:00Z`, `2024-02-29T18:30:00+01:00` |

In any value, `${NAME}` stands for a variable of the environment, `${NAME:-text}` for the same with a default for when
it is unset or empty, `${file:/path}` for what a file holds, such as a password, and `$${` for a plain `${`. Values that
came from a file are never printed. Anchors, aliases and merge keys (`<<`) may be used.
"""


def fields_of(data):
    """The fields of a serialised message by number, each a list of numbers and byte strings in order."""
    result, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}[kind] if kind != 2 else varint()
            value = data[at : at + size]
            at += size
        result.setdefault(tag >> 3, []).append(value)
    return result


def text(fields, number):
    return fields[number][0].decode() if number in fields else ""


def numbers(data):
    """A packed list of small numbers."""
    result, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            result.append(value)
            value = shift = 0
    return tuple(result)


class Types:
    """All messages and enums of a descriptor set by full name, with their comments."""

    def __init__(self, data):
        self.messages, self.enums, self.files = {}, {}, {}
        for raw in fields_of(data)[1]:
            self.add_file(fields_of(raw))
        rule = self.messages["ebb.v1.FieldRule"]["fields"]
        self.rule_names = {field["number"]: field["name"] for field in rule}

    def add_file(self, file):
        comments = {}
        for raw in fields_of(file[9][0]).get(1, []) if 9 in file else []:
            location = fields_of(raw)
            comments[numbers(location.get(1, [b""])[0])] = " ".join(text(location, 3).split())
        self.files[text(file, 1)] = names = []
        for i, raw in enumerate(file.get(4, [])):
            self.add_message(fields_of(raw), text(file, 2), (4, i), comments, names)
        for i, raw in enumerate(file.get(5, [])):
            self.add_enum(fields_of(raw), text(file, 2), (5, i), comments)

    def add_message(self, message, scope, path, comments, names):
        full_name = f"{scope}.{text(message, 1)}"
        names.append(full_name)
        fields = []
        for i, raw in enumerate(message.get(2, [])):
            field = fields_of(raw)
            options = fields_of(field[8][0]) if 8 in field else {}
            fields.append({
                "name": text(field, 1), "number": field[3][0], "repeated": field[4][0] == REPEATED,
                "type": field[5][0], "type_name": text(field, 6).lstrip("."),
                "rule": options.get(RULE, [b""])[0], "comment": comments.get(path + (2, i), ""),
            })
        options = fields_of(message[7][0]) if 7 in message else {}
        self.messages[full_name] = {
            "name": text(message, 1), "fields": fields, "comment": comments.get(path, ""), "is_map": 7 in options}
        for i, raw in enumerate(message.get(3, [])):
            self.add_message(fields_of(raw), full_name, path + (3, i), comments, [])
        for i, raw in enumerate(message.get(4, [])):
            self.add_enum(fields_of(raw), full_name, path + (4, i), comments)

    def add_enum(self, enum, scope, path, comments):
        self.enums[f"{scope}.{text(enum, 1)}"] = [text(fields_of(value), 1) for value in enum.get(2, [])]

    def rule(self, field):
        raw = fields_of(field["rule"])
        return {self.rule_names[number]: [v.decode() if isinstance(v, bytes) else bool(v) for v in values]
                for number, values in raw.items()}


class Reference:
    """The text, and which messages it still has to tell of."""

    def __init__(self, types):
        self.types, self.told, self.lines = types, set(), []

    def type_of(self, field, rule, single=False):
        if field["repeated"] and not single:
            message = self.types.messages.get(field["type_name"])
            if message and message["is_map"]:
                key, value = message["fields"]
                kind = "name" if key["type"] == STRING else self.type_of(key, {})
                return f"map from {kind} to {self.type_of(value, rule)}"
            return f"list of {self.type_of(field, rule, single=True)}"
        if field["type"] == MESSAGE:
            if field["type_name"] == "google.protobuf.Duration":
                return "duration"
            if field["type_name"] == "ebb.v1.OperatorConfig":
                return "see [operators](#operators)"
            name = self.types.messages[field["type_name"]]["name"]
            return f"[{name}](#{name.lower()})"
        if rule.get("bytes"):
            return "bytes"
        if rule.get("time"):
            return "time"
        names = {STRING: "text", BYTES: "text", BOOL: "`true` or `false`", DOUBLE: "number", FLOAT: "number",
                 ENUM: "word"}
        return names.get(field["type"], "whole number")

    def range_of(self, field, rule):
        allowed = rule.get("one_of") or (self.types.enums[field["type_name"]] if field["type"] == ENUM else [])
        if allowed:
            return ", ".join(f"`{word}`" for word in allowed)
        least, most = rule.get("min", [""])[0], rule.get("max", [""])[0]
        if least and most:
            return f"{least} to {most}"
        return f"at least {least}" if least else f"at most {most}" if most else ""

    def tell(self, full_name, heading):
        """The section of one message, and then those of the messages in it."""
        if full_name in self.told or full_name in ("google.protobuf.Duration", "ebb.v1.OperatorConfig"):
            return
        self.told.add(full_name)
        message = self.types.messages[full_name]
        inner = []
        if not message["is_map"]:
            self.lines += ["", f"{heading} {message['name']}", ""]
            self.tell_fields(message)
        for field in message["fields"]:
            if field["type"] == MESSAGE:
                inner.append(field["type_name"])
        for name in inner:
            self.tell(name, heading)

    def tell_fields(self, message):
        if message["comment"]:
            self.lines += [message["comment"], ""]
        if not message["fields"]:
            self.lines.append("Nothing to set.")
            return
        self.lines += ["| key | type | default | range | meaning |", "|---|---|---|---|---|"]
        for field in message["fields"]:
            rule = self.types.rule(field)
            default = f"`{rule['default'][0]}`" if "default" in rule else "required" if rule.get("required") else ""
            cells = [f"`{field['name']}`", self.type_of(field, rule), default, self.range_of(field, rule),
                     field["comment"]]
            self.lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")

    def tell_operator(self, full_name, operator):
        self.told.add(full_name)
        message = self.types.messages[full_name]
        self.lines += ["", f"### {operator['type'] if operator else message['name']}", ""]
        if operator:
            self.lines += [f"Takes {operator['takes']}; emits {operator['emits']}.", ""]
        self.tell_fields(message)
        for field in message["fields"]:
            if field["type"] == MESSAGE:
                self.tell(field["type_name"], "####")


def operators_in(root):
    """What C++ says of operators, by the plain name of their config message; several may share one."""
    classes, result = {}, {}
    word = r"([^<>]*)"
    for path in sorted(root.glob("operators/*/*.h")) + sorted(root.glob("operators/*/*.cc")):
        code = path.read_text()
        for match in re.finditer(rf"class\s+(\w+)\s*(?:final)?\s*:\s*public\s+Operator<\s*Takes<{word}>\s*,\s*"
                                 rf"Emits<{word}>\s*,\s*([\w:]+)\s*>", code):
            classes[match[1]] = match.groups()
    for path in sorted(root.glob("operators/*/*.cc")):
        for match in re.finditer(r'EBB_OPERATOR\(\s*"([^"]+)",\s*(\w+)\)', path.read_text()):
            if match[2] not in classes:
                continue
            _, takes, emits, config = classes[match[2]]
            plain = lambda types: ", ".join(f"`{t.strip().split('::')[-1]}`" for t in types.split(",")) or "nothing"
            result.setdefault(config.split("::")[-1], []).append(
                {"type": match[1], "takes": plain(takes), "emits": plain(emits)})
    return result


def descriptor_set(root, protoc):
    files = [root / "proto/ebb/v1/pipeline.proto"] + sorted(root.glob("operators/*/*.proto"))
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "descriptors"
        subprocess.run([protoc, f"-I{root}/proto", f"-I{root}", "--include_imports", "--include_source_info",
                        f"--descriptor_set_out={out}", *map(str, files)], check=True)
        return out.read_bytes()


def reference(root, protoc):
    types = Types(descriptor_set(root, protoc))
    page = Reference(types)
    page.tell("ebb.v1.Pipeline", "##")
    page.lines += ["", "## Operators", "", "What `config` of an operator holds, by the operator's `type`."]
    known = operators_in(root)
    for file, names in sorted(types.files.items()):
        if not file.startswith("operators/"):
            continue
        for name in names:
            if name.endswith("Config"):
                for operator in known.get(types.messages[name]["name"], [None]):
                    page.tell_operator(name, operator)
    return INTRO + "\n".join(page.lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--protoc", default="protoc", help="the protobuf compiler")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, help="the project's root")
    arguments = parser.parse_args()
    page, target = reference(arguments.root, arguments.protoc), arguments.root / "docs/pipeline.md"
    if not arguments.check:
        target.parent.mkdir(exist_ok=True)
        target.write_text(page)
        return 0
    now = target.read_text() if target.exists() else ""
    diff = difflib.unified_diff(now.splitlines(True), page.splitlines(True), "docs/pipeline.md", "what it should be")
    sys.stdout.writelines(diff)
    if now != page:
        print("docs/pipeline.md is out of date; run proto/reference.py")
    return now != page


if __name__ == "__main__":
    sys.exit(main())
