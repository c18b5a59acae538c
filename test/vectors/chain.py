"""Reads chain.json (docs/spec/chain.md) without any of the chain's code: its own CBOR reader, the rest from generate.py.

    python3 test/vectors/chain.py      checks the file beside it
"""

import json
import pathlib
import sys

from generate import blake3, cbor, label_hash, label_tree, public_key, sign, state_root


def read(data, at=0):
    """One item and where it ends; raises on anything but arrays, byte strings, text, uints and null with short heads."""
    major, minor = data[at] >> 5, data[at] & 31
    if data[at] == 0xF6:
        return None, at + 1
    if major not in (0, 2, 3, 4) or minor > 27:
        raise ValueError(f"item {data[at]:02x} at {at}")
    size = 0 if minor < 24 else 1 << minor - 24
    number = int.from_bytes(data[at + 1 : at + 1 + size], "big") if size else minor
    if size and (len(data) < at + 1 + size or number < (24 if size == 1 else 1 << 4 * size)):
        raise ValueError(f"head at {at}")
    at += 1 + size
    if major == 0:
        return number, at
    if major in (2, 3):
        if at + number > len(data):
            raise ValueError("cut short")
        part = data[at : at + number]
        return (part if major == 2 else part.decode()), at + number
    items = []
    for _ in range(number):
        item, at = read(data, at)
        items.append(item)
    return items, at


def whole(data):
    item, end = read(data)
    if end != len(data) or cbor(item) != data:
        raise ValueError("bytes behind the end, or another encoding")
    return item


BODIES = {0: 2, 1: 6, 2: 3, 3: 1}


def transaction(data):
    """The items of a transaction (X1); raises when it is none."""
    items = whole(data)
    version, kind, sender, nonce, fee, until, body, signature = items
    sizes = version == 1 and len(sender) == 32 and len(signature) == 64 and max(nonce, fee) < 2**63 and until < 2**53
    if not sizes or not (len(body) == BODIES[kind] if kind in BODIES else kind == 4 and len(body) == (3, 8)[body[0]]):
        raise ValueError("not a transaction")
    return items


def account_seed(i):
    return bytes([0xA0] * 28 + [i] * 4)


def vote_seed(i):
    return bytes([0xB0] * 28 + [i] * 4)


def check_transactions(vectors):
    keys = {public_key(account_seed(i)): account_seed(i) for i in range(10)}
    for row in vectors["transactions"]:
        data = bytes.fromhex(row["bytes"])
        items = transaction(data)
        assert label_hash("transaction", data).hex() == row["id"], row["why"]
        names = [b"transaction", vectors["network"].encode()]
        message = b"".join(bytes([len(name)]) + name for name in names) + cbor(items[:7])
        assert sign(keys[items[2]], message) == items[7], row["why"]
    for row in vectors["refused"]:
        try:
            transaction(bytes.fromhex(row["bytes"]))
        except (ValueError, TypeError, IndexError, KeyError):
            continue
        raise AssertionError(f"taken: {row['why']}")


def check_blocks(vectors):
    voters = [{"seed": vote_seed(i), "key": public_key(vote_seed(i))} for i in range(4)]
    voters.sort(key=lambda voter: voter["key"])
    set_hash = label_hash("validators", cbor([[voter["key"], 1] for voter in voters]))
    ids, before = [], b""
    for height, row in enumerate(vectors["blocks"], 1):
        header, parent, listed = whole(bytes.fromhex(row["bytes"]))
        for data in listed:
            transaction(data)
        root = label_tree("transactions", listed).mth(0, len(listed))
        history = label_tree("history", ids).mth(0, len(ids))
        _, at, _, _, validators, following, transactions, _, state, hashed, past = whole(header)
        assert (at, validators, following, parent) == (height, set_hash, None, before)
        assert (transactions, hashed, past) == (root, label_hash("certificate", before), history)
        ids.append(label_hash("header", header))
        assert ids[-1].hex() == row["id"]
        before = bytes.fromhex(row["certificate"])
        check_certificate(voters, vectors["network"], (height, 0, ids[-1]), before)
    leaves = {blake3(bytes.fromhex(e["key"])): bytes.fromhex(e["value"]) for e in vectors["state"]}
    assert state_root(leaves) == state, "the state behind the last block"
    for entry in vectors["state"]:
        whole(bytes.fromhex(entry["value"]))


def check_certificate(voters, network, place, found):
    names = [b"vote", network.encode()]
    message = b"".join(bytes([len(name)]) + name for name in names) + cbor([1, *place])
    signatures = b"".join(sign(voter["seed"], message) for voter in voters[:3])
    assert found == cbor([0, b"\x07", signatures])


def main():
    vectors = json.loads((pathlib.Path(__file__).parent / "chain.json").read_text())
    check_transactions(vectors)
    check_blocks(vectors)
    print(f"{len(vectors['transactions'])} transactions and {len(vectors['blocks'])} blocks read as they should")


if __name__ == "__main__":
    sys.exit(main())
