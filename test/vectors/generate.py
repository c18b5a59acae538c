"""Makes the vectors of docs/spec a second time, sharing no code with receipt/.

Python's standard library only: BLAKE3 is written from its paper (O'Connor,
Aumasson, Neves, Wilcox-O'Hearn, 2020), Ed25519 from RFC 8032, the trees from
RFC 6962, the CBOR writer from RFC 8949 §4.2.1. Slow and plain on purpose.

    python3 test/vectors/generate.py --check    compares with the files beside it
"""

import base64
import functools
import hashlib
import json
import pathlib
import struct
import sys

# ---------------------------------------------------------------- BLAKE3 (paper, section 2)

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = (1 << i for i in range(7))
MASK = 0xFFFFFFFF


def mix(v, a, b, c, d, x, y):
    for word, r1, r2 in ((x, 16, 12), (y, 8, 7)):
        v[a] = (v[a] + v[b] + word) & MASK
        v[d] ^= v[a]
        v[d] = (v[d] >> r1 | v[d] << (32 - r1)) & MASK
        v[c] = (v[c] + v[d]) & MASK
        v[b] ^= v[c]
        v[b] = (v[b] >> r2 | v[b] << (32 - r2)) & MASK


def compress(chaining, block, counter, length, flags):
    """The first eight words of the compression function's output."""
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*chaining, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        mix(v, 0, 4, 8, 12, m[0], m[1])
        mix(v, 1, 5, 9, 13, m[2], m[3])
        mix(v, 2, 6, 10, 14, m[4], m[5])
        mix(v, 3, 7, 11, 15, m[6], m[7])
        mix(v, 0, 5, 10, 15, m[8], m[9])
        mix(v, 1, 6, 11, 12, m[10], m[11])
        mix(v, 2, 7, 8, 13, m[12], m[13])
        mix(v, 3, 4, 9, 14, m[14], m[15])
        m = tuple(m[i] for i in PERMUTATION)
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def subtree(key, data, first_chunk, flags, root):
    """Chaining value of the subtree over data; the left one is the largest power of two of chunks."""
    if len(data) <= 1024:
        blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
        value = key
        for i, block in enumerate(blocks):
            start = CHUNK_START if i == 0 else 0
            end = CHUNK_END | root if i == len(blocks) - 1 else 0
            value = compress(value, block, first_chunk, len(block), flags | start | end)
        return value
    chunks = (len(data) + 1023) // 1024
    left = 1 << (chunks - 1).bit_length() - 1
    pair = subtree(key, data[: left * 1024], first_chunk, flags, 0)
    pair += subtree(key, data[left * 1024 :], first_chunk + left, flags, 0)
    return compress(key, struct.pack("<16I", *pair), 0, 64, flags | PARENT | root)


def blake3(data, key=None, context=None):
    words, flags = IV, 0
    if key is not None:
        words, flags = struct.unpack("<8I", key), KEYED
    if context is not None:
        words, flags = subtree(IV, context.encode(), 0, CONTEXT, ROOT), MATERIAL
    return struct.pack("<8I", *subtree(words, data, 0, flags, ROOT))


# ---------------------------------------------------------------- Ed25519 (RFC 8032, section 5.1)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    """Extended coordinates (X, Y, Z, T), RFC 8032 §5.1.4."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def encode_point(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def secret_scalar(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]


def public_key(seed):
    return encode_point(multiply(secret_scalar(seed)[0], BASE))


def sign(seed, message):
    a, prefix = secret_scalar(seed)
    public = encode_point(multiply(a, BASE))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = encode_point(multiply(r, BASE))
    k = int.from_bytes(hashlib.sha512(big_r + public + message).digest(), "little") % L
    return big_r + ((r + k * a) % L).to_bytes(32, "little")


# ---------------------------------------------------------------- CBOR (RFC 8949, section 4.2.1)


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    items = sorted((cbor(k), cbor(v)) for k, v in value.items())
    return head(5, len(items)) + b"".join(k + v for k, v in items)


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for minor, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | minor]) + number.to_bytes(size, "big")
    raise ValueError(number)


# ---------------------------------------------------------------- records (record.md)

ZERO = bytes(32)
CODES = {"sha256": 0x12, "sha512": 0x13, "blake3": 0x1E}
DIGEST = {
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "blake3": blake3,
}


def multihash(algorithm, digest):
    return bytes([CODES[algorithm], len(digest)]) + digest


def leaf_record(timestamp, scarab, offset, epoch, schema, key_hash, value_hash, headers_hash):
    packed = struct.pack("<QQQII", timestamp, scarab, offset, epoch, schema)
    return packed + key_hash + value_hash + headers_hash


def headers_bytes(headers):
    if not headers:
        return b""
    out = struct.pack("<H", len(headers))
    for name, value in headers:
        out += struct.pack("<H", len(name.encode())) + name.encode() + struct.pack("<I", len(value)) + value
    return out


def tree_fields(i):
    value_hash = blake3(struct.pack("<Q", i))
    return [1790000000000 + i, (i + 1) << 23, i, 1, 1, ZERO, value_hash, ZERO]


# ---------------------------------------------------------------- trees (RFC 6962, section 2.1)

LEAF_KEY = blake3(b"", context="pyralog v1 leaf")
NODE_KEY = blake3(b"", context="pyralog v1 node")
EMPTY_KEY = blake3(b"", context="pyralog v1 empty")


class Blake3Tree:
    def leaf(self, record):
        return blake3(record, key=LEAF_KEY)

    def node(self, left, right):
        return blake3(left + right, key=NODE_KEY)

    def empty(self):
        return blake3(b"", key=EMPTY_KEY)


class Sha256Tree:
    def leaf(self, record):
        return hashlib.sha256(b"\0" + record).digest()

    def node(self, left, right):
        return hashlib.sha256(b"\1" + left + right).digest()

    def empty(self):
        return hashlib.sha256(b"").digest()


class Tree:
    """MTH, PATH and PROOF of RFC 6962, over ranges of one leaf list, with the roots remembered."""

    def __init__(self, hashes, records):
        self.hashes = hashes
        self.leaves = [hashes.leaf(record) for record in records]
        self.known = {}

    def mth(self, a, b):
        if a == b:
            return self.hashes.empty()
        if b - a == 1:
            return self.leaves[a]
        if (a, b) not in self.known:
            k = a + split(b - a)
            self.known[a, b] = self.hashes.node(self.mth(a, k), self.mth(k, b))
        return self.known[a, b]

    def path(self, m, a, b):
        if b - a == 1:
            return []
        k = split(b - a)
        if m < k:
            return self.path(m, a, a + k) + [self.mth(a + k, b)]
        return self.path(m - k, a + k, b) + [self.mth(a, a + k)]

    def proof(self, m, n):
        return [] if m == 0 else self.subproof(m, 0, n, True)

    def subproof(self, m, a, b, complete):
        if m == b - a:
            return [] if complete else [self.mth(a, b)]
        k = split(b - a)
        if m <= k:
            return self.subproof(m, a, a + k, complete) + [self.mth(a + k, b)]
        return self.subproof(m - k, a + k, b, False) + [self.mth(a, a + k)]


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


# ---------------------------------------------------------------- record.json, merkle.json, identity.json


def record_vectors():
    value = tree_fields(0)[6]
    rows = [
        [1, 2, 3, 1, 1, ZERO, value, ZERO],
        [0, 0, 0, 1, 0, ZERO, ZERO, ZERO],
        [2**53 - 1, 2**64 - 1, 2**53 - 1, 2**32 - 1, 2**32 - 1, blake3(b"key"), blake3(b"value"), blake3(b"headers")],
        *map(tree_fields, (4, 5, 6)),
    ]
    lists = [
        [],
        [("", b"")],
        [("content-type", b"text/plain")],
        [("a", b"\x00\xff"), ("\u00c4\u2625", b"\x07" * 300), ("a", b"")],
    ]
    records = []
    for row in rows:
        data = leaf_record(*row)
        record = {"timestamp": str(row[0]), "scarabId": str(row[1]), "offset": str(row[2])}
        record |= {"epoch": row[3], "schemaId": row[4]}
        record |= {"keyHash": row[5].hex(), "valueHash": row[6].hex(), "headersHash": row[7].hex()}
        record |= {"bytes": data.hex()}
        record |= {"leafBlake3": Blake3Tree().leaf(data).hex(), "leafSha256": Sha256Tree().leaf(data).hex()}
        records.append(record)
    headers = []
    for pairs in lists:
        data = headers_bytes(pairs)
        names = [[name, content.hex()] for name, content in pairs]
        headers.append({"list": names, "bytes": data.hex(), "hash": (blake3(data) if data else ZERO).hex()})
    keys = {"leaf": LEAF_KEY.hex(), "node": NODE_KEY.hex(), "empty": EMPTY_KEY.hex()}
    return {"records": records, "headers": headers, "keys": keys}


def merkle_vectors():
    records = [leaf_record(*tree_fields(i)) for i in range(1000)]
    trees = {"blake3": Tree(Blake3Tree(), records), "sha256": Tree(Sha256Tree(), records)}
    small = [(a, b) for b in range(10) for a in range(b + 1)]
    inclusion = [(a, b) for a, b in small if a < b]
    inclusion += [(0, 70), (69, 70), (63, 70), (64, 70), (127, 128), (128, 129), (255, 257), (256, 257)]
    inclusion += [(0, 1000), (511, 1000), (512, 1000), (998, 1000), (999, 1000)]
    consistency = small + [(0, 70), (1, 70), (63, 70), (64, 70), (69, 70), (70, 70), (128, 129), (256, 257)]
    consistency += [(511, 1000), (512, 1000), (999, 1000)]
    sizes = [*range(71), 127, 128, 129, 255, 256, 257, 1000]
    root = lambda name, size: trees[name].mth(0, size).hex()
    result = {"trees": [], "inclusion": [], "consistency": []}
    for size in sizes:
        result["trees"].append({"size": size, "blake3Root": root("blake3", size), "sha256Root": root("sha256", size)})
    for name, tree in trees.items():
        for index, size in inclusion:
            entry = {"algorithm": name, "index": index, "size": size, "leaf": tree.leaves[index].hex()}
            entry |= {"root": root(name, size), "path": [h.hex() for h in tree.path(index, 0, size)]}
            result["inclusion"].append(entry)
        for start, end in consistency:
            entry = {"algorithm": name, "from": start, "to": end, "fromRoot": root(name, start)}
            entry |= {"toRoot": root(name, end), "path": [h.hex() for h in tree.proof(start, end)]}
            result["consistency"].append(entry)
    return result


GENESIS = [
    ("devnet", 1790000000000, bytes(range(16))),
    ("a", 0, b"\xff" * 16),
    ("main-1", 2**53 - 1, bytes(16)),
]


def network_id(network, time, salt, chain=None):
    document = cbor({0: 1, 1: network, 2: time, 3: salt} | ({4: chain} if chain else {}))
    hashed = blake3(document, context="pyralog v1 genesis")
    return document, hashed, f"{network}-{hashed[:8].hex()}"


def voters_of(powers, fill=0xA0):
    """Validators in set order (P1), named in that order."""
    rows = []
    for i, power in enumerate(powers):
        seed = bytes([fill + i]) * 32
        rows.append((power, public_key(seed), seed))
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [{"name": f"validator-{i}", "power": p, "key": k, "seed": s} for i, (p, k, s) in enumerate(rows)]


FOUR = voters_of([40, 30, 20, 10])


def genesis_chains():
    """Voters with fee accounts, accounts, parameters."""
    accounts = [(b"\x01" * 32, 1), (b"\x02" * 32, 10**18), (b"\xff" * 32, 2**62)]
    sole = voters_of([2**60 - 1], 0xD0)
    yield FOUR, [bytes([i]) * 32 for i in range(4)], accounts, [1048576, 1000, 10, 2000, 500]
    yield sole, [ZERO], [], [4000000, 2**40 - 1, 0, 3600000, 0]


def chain_json(voters, fees, accounts, parameters):
    names = ("blockBytesMax", "feeBase", "feePerByte", "maxDelayMs", "precisionMs")
    texts = [str(p) if name.startswith("fee") else p for name, p in zip(names, parameters)]
    rows = [
        {"name": v["name"], "key": v["key"].hex(), "power": str(v["power"]), "account": fee.hex()}
        for v, fee in zip(voters, fees)
    ]
    owners = [{"key": key.hex(), "balance": str(balance)} for key, balance in accounts]
    return {"engine": "pos", "validators": rows, "accounts": owners, "parameters": dict(zip(names, texts))}


def chain_root(network, voters, bounds=(2000, 500), height=0):
    rows = [{"name": v["name"], "key": v["key"].hex(), "power": str(v["power"])} for v in voters]
    root = {"network": network, "height": str(height), "validators": rows}
    return root | {"maxDelayMs": bounds[0], "precisionMs": bounds[1]}


def trust_text(policies, chains=()):
    store = {"pyralog": "trust", "version": 2 if chains else 1, "policies": policies}
    return dump(store | ({"chains": list(chains)} if chains else {}))


def identity_vectors():
    rows = []
    for network, time, salt in GENESIS:
        document, hashed, name = network_id(network, time, salt)
        row = {"network": network, "time": str(time), "salt": salt.hex()}
        rows.append(row | {"cbor": document.hex(), "hash": hashed.hex(), "networkId": name})
    network, time, salt = GENESIS[0]
    for voters, fees, accounts, parameters in genesis_chains():
        listed = [[v["key"], v["power"], v["name"], fee] for v, fee in zip(voters, fees)]
        chain = ["pos", listed, [list(account) for account in accounts], parameters]
        document, hashed, name = network_id(network, time, salt, chain)
        row = {"network": network, "time": str(time), "salt": salt.hex()}
        plain = {"pyralog": "genesis", "version": 1} | row
        row["json"] = dump(plain | {"chain": chain_json(voters, fees, accounts, parameters)})
        row["trust"] = trust_text([], [chain_root(name, voters, parameters[3:])])
        rows.append(row | {"cbor": document.hex(), "hash": hashed.hex(), "networkId": name})
    return {"genesis": rows}


# ---------------------------------------------------------------- checkpoint.json (checkpoint.md)

NETWORK = network_id(*GENESIS[0])[2]
OTHER = network_id(*GENESIS[1])[2]
SCOPE = f"pyralog/{NETWORK}/local"
TYPES = {"cosignature": 4, "log": 1}


def b64(data):
    return base64.b64encode(data).decode()


def origin(partition, network=NETWORK):
    return f"pyralog/{network}/local/notary/{partition}"


def key_id(name, kind, public):
    return hashlib.sha256(f"{name}\n".encode() + bytes([TYPES[kind]]) + public).digest()[:4]


def key_text(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(bytes([TYPES[kind]]) + public)}"


def key_pair(name, kind, fill):
    seed = bytes([fill]) * 32
    return {"name": name, "type": kind, "seed": seed, "public": public_key(seed)}


NODES = [key_pair(f"{SCOPE}/node-{i}", "cosignature", i + 1) for i in range(4)]
LOG_KEY = key_pair(f"{origin(0)}/sha256", "log", 0x10)


def line(key, data):
    return f"\u2014 {key['name']} {b64(key_id(key['name'], key['type'], key['public']) + data)}\n"


def cosigned(body, nodes, time=1790000001, malleated=False):
    note = body + "\n"
    for i in nodes:
        signature = sign(NODES[i]["seed"], f"cosignature/v1\ntime {time}\n{body}".encode())
        if malleated and i == nodes[-1]:
            s = int.from_bytes(signature[32:], "little") + L
            signature = signature[:32] + s.to_bytes(32, "little")
        note += line(NODES[i], struct.pack(">Q", time) + signature)
    return note


def receipt_record(i):
    algorithm = ("sha256", "sha512", "blake3")[i % 3]
    key_hash = blake3(b"key 4") if i == 4 else None
    headers = blake3(headers_bytes([("content-type", b"text/plain")])) if i == 5 else None
    digest = DIGEST[algorithm](f"record {i}".encode())
    return [1790000000000 + i, (i + 1) << 23, i, 1, 1, key_hash, algorithm, digest, headers]


RECORDS = [receipt_record(i) for i in range(7)]
LEAF_RECORDS = [
    leaf_record(*row[:5], row[5] or ZERO, blake3(multihash(row[6], row[7])), row[8] or ZERO) for row in RECORDS
]
TREE = Tree(Blake3Tree(), LEAF_RECORDS)
SHA256_ROOT = Tree(Sha256Tree(), LEAF_RECORDS).mth(0, 7)


def body_of(partition, network=NETWORK):
    body = f"{origin(partition, network)}\n7\n{b64(TREE.mth(0, 7))}\nepoch 1\ntime 1790000001000\n"
    return body + (f"sha256 {b64(SHA256_ROOT)}\n" if partition == 0 else "")


def checkpoint_vectors():
    keys = []
    for key in [*NODES, LOG_KEY]:
        name, kind, public = key["name"], key["type"], key["public"]
        row = {"name": name, "type": kind, "seed": key["seed"].hex(), "publicKey": public.hex()}
        keys.append(row | {"keyId": key_id(name, kind, public).hex(), "text": key_text(name, kind, public)})
    body, plain = body_of(0), body_of(1)
    empty = f"{origin(0)}\n0\n{b64(Blake3Tree().empty())}\nepoch {2**32 - 1}\ntime {2**53 - 1}\n"
    notes = []
    for text, signers, time in ((body, [0, 1], 1790000001), (plain, [0, 1, 2, 3], 1790000001), (empty, [2], 0)):
        notes.append({"body": text, "note": cosigned(text, signers, time), "signers": signers, "timeSeconds": time})
    sha_body = f"{origin(0)}/sha256\n7\n{b64(SHA256_ROOT)}\n"
    sha_note = sha_body + "\n" + line(LOG_KEY, sign(LOG_KEY["seed"], sha_body.encode()))
    return {
        "keys": keys,
        "badKeys": bad_keys(),
        "notes": notes,
        "sha256": {"body": sha_body, "note": sha_note},
        "bad": bad_notes(body, notes[0]["note"]),
    }


def bad_keys():
    points = [
        ("order 1", 1),
        ("order 2", P - 1),
        ("order 4", 0),
        ("order 8", 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826),
        ("y = p, not canonical", P),
        ("x = 0 with a sign", 1 | 1 << 255),
        ("not on the curve", 2),
    ]
    name = f"{SCOPE}/node-0"
    return [{"why": why, "text": key_text(name, "cosignature", y.to_bytes(32, "little"))} for why, y in points]


def bad_notes(body, note):
    edit = lambda old, new: note.replace(old, new, 1)
    root = body.split("\n")[2]
    malformed = "receipt/malformed"
    swapped = edit("epoch 1\ntime 1790000001000", "time 1790000001000\nepoch 1")
    rows = [
        ("leading zero in size", edit("\n7\n", "\n07\n"), malformed),
        ("size beyond 2^53 \u2212 1", edit("\n7\n", "\n9007199254740992\n"), malformed),
        ("sign in size", edit("\n7\n", "\n+7\n"), malformed),
        ("epoch 0", edit("epoch 1", "epoch 0"), malformed),
        ("epoch and time swapped", swapped, malformed),
        ("root without padding", edit(root, root[:-1]), malformed),
        ("space behind a line", edit("epoch 1", "epoch 1 "), malformed),
        ("carriage return", edit("epoch 1\n", "epoch 1\r\n"), malformed),
        ("hyphen for dash", note.replace("\u2014 ", "- "), malformed),
        ("two blank lines", edit("\n\n", "\n\n\n"), malformed),
        ("no signature", body + "\n", malformed),
        ("no LF at the end", note[:-1], malformed),
        ("a line more", edit("\n\n", "\nwitness 1\n\n"), "receipt/newer-version"),
        ("origin of the SHA-256 tree", edit("notary/0\n", "notary/0/sha256\n"), malformed),
        ("other network name", edit("pyralog/devnet-", "pyralog/Devnet-"), malformed),
        ("time changed", edit("time 1790000001000", "time 1790000001001"), "receipt/bad-signature"),
        ("S not canonical", cosigned(body, [0, 1], malleated=True), "receipt/bad-signature"),
    ]
    return [{"why": why, "note": text, "code": code} for why, text, code in rows]


# ---------------------------------------------------------------- receipt.json (receipt.md, trust.md)


def dump(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def receipt_json(i, note, start, path, finality=None):
    time, scarab, offset, epoch, schema, key_hash, algorithm, digest, headers = RECORDS[i]
    record = {"timestamp": str(time), "scarabId": str(scarab), "offset": str(offset)}
    record |= {"epoch": epoch, "schemaId": schema}
    if key_hash:
        record["keyHash"] = key_hash.hex()
    record |= {"algorithm": algorithm, "digest": digest.hex()}
    if headers:
        record["headersHash"] = headers.hex()
    receipt = {"pyralog": "receipt", "version": 1, "origin": start, "record": record}
    if note is not None:
        receipt["inclusion"] = {"size": "7", "path": [b64(h) for h in path]}
        receipt["checkpoint"] = note.split("\n")[:-1]
    if finality:
        receipt["finality"] = finality
    return dump(receipt)


def receipt_cbor(i, note, start, path):
    row = RECORDS[i]
    record = [*row[:6], multihash(row[6], row[7]), row[8]]
    return cbor({0: 1, 1: start, 2: record, 3: [7, b"".join(path)], 4: note})


def receipt_vectors():
    def policy(scope, keys, threshold, faults):
        texts = [key_text(key["name"], key["type"], key["public"]) for key in keys]
        return {"scope": scope, "keys": texts, "threshold": threshold, "faults": faults}

    policies = [policy(SCOPE, NODES[:3], 2, 0), policy(origin(1), NODES, 3, 1)]
    note, liars = cosigned(body_of(0), [0, 1]), cosigned(body_of(1), [0, 1, 3])
    rows = [(i, note, origin(0)) for i in range(7)] + [(3, liars, origin(1))]
    good = []
    for i, text, start in rows:
        path = TREE.path(i, 0, 7)
        entry = {"digest": RECORDS[i][7].hex(), "json": receipt_json(i, text, start, path)}
        good.append(entry | {"cbor": receipt_cbor(i, text, start, path).hex(), "coversLiars": start == origin(1)})
    bad = bad_texts(good[0]["json"]) + bad_receipts(note)
    return {"trust": dump({"pyralog": "trust", "version": 1, "policies": policies}), "good": good, "bad": bad}


def bad_texts(text):
    digest, scarab = RECORDS[0][7].hex(), str(RECORDS[0][1])
    edit = lambda old, new: text.replace(old, new, 1)
    compact = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    rows = [
        ("newer version", edit('"version": 1', '"version": 2'), "newer-version"),
        ("version 0", edit('"version": 1', '"version": 0'), "malformed"),
        ("line feed more", text + "\n", "not-canonical"),
        ("line feed less", text[:-1], "not-canonical"),
        ("compact", compact, "not-canonical"),
        ("field twice", edit('"version": 1,', '"version": 1,\n  "version": 1,'), "not-canonical"),
        ("unknown field", edit('"version": 1,', '"version": 1,\n  "note": 1,'), "malformed"),
        ("upper-case hex", edit(digest, digest.upper()), "malformed"),
        ("leading zero", edit(f'"{scarab}"', f'"0{scarab}"'), "malformed"),
        ("not JSON", text[1:], "malformed"),
        ("other data", text, "wrong-data"),
        ("other log", edit('local/notary/0",', 'local/notary/1",'), "wrong-origin"),
        ("other offset", edit('"offset": "0"', '"offset": "1"'), "bad-path"),
        ("offset = size", edit('"offset": "0"', '"offset": "7"'), "bad-path"),
        ("other size", edit('"size": "7"', '"size": "6"'), "bad-path"),
        ("other timestamp", edit('"1790000000000"', '"1790000000001"'), "bad-path"),
        ("other time", edit("time 1790000001000", "time 1790000001001"), "bad-signature"),
        ("unknown line", edit('    "",', '    "witness 1",\n    "",'), "newer-version"),
    ]
    zero = "00" * 32
    return [
        {"why": why, "digest": zero if why == "other data" else digest, "json": data, "code": f"receipt/{code}"}
        for why, data, code in rows
    ]


def bad_receipts(note):
    path, body, start = TREE.path(0, 0, 7), body_of(0), origin(0)
    other = origin(0, OTHER)
    finality = lambda scheme: [{"kind": "pos", "scheme": scheme, "proof": b64(bytes([1, 2, 3]))}]
    make = lambda text=note, at=start, hashes=path, extra=None: receipt_json(0, text, at, hashes, extra)
    rows = [
        ("not signed", make(None), "not-signed"),
        ("path too short", make(hashes=path[:-1]), "bad-path"),
        ("path too long", make(hashes=path + [ZERO]), "bad-path"),
        ("one signature", make(cosigned(body, [0])), "threshold"),
        ("one key twice", make(cosigned(body, [0, 0])), "threshold"),
        ("unknown key", make(cosigned(body, [0, 3])), "threshold"),
        ("S not canonical", make(cosigned(body, [0, 1], malleated=True)), "bad-signature"),
        ("other network", make(cosigned(body_of(0, OTHER), [0, 1]), other), "unknown-log"),
        ("finality of an unknown scheme", make(extra=finality(7)), "finality-unknown"),
        ("finality of a transaction", make(extra=finality(3)), "finality-unknown"),
        ("finality of a chain not pinned", make(extra=finality(1)), "unknown-chain"),
    ]
    digest = RECORDS[0][7].hex()
    return [{"why": why, "digest": digest, "json": text, "code": f"receipt/{code}"} for why, text, code in rows]


# ---------------------------------------------------------------- state.json (state.md U1-U8)

STATE = {part: blake3(b"", context=f"pyralog v1 state {part}") for part in ("value", "leaf", "node", "empty")}
STATE_EMPTY = blake3(b"", key=STATE["empty"])


@functools.cache
def state_leaf(path, value):
    return blake3(path + blake3(value, key=STATE["value"]), key=STATE["leaf"])


@functools.cache
def state_node(left, right):
    return blake3(left + right, key=STATE["node"])


def bit_of(path, index):
    return path[index // 8] >> 7 - index % 8 & 1


def state_root(leaves, depth=0):
    """Root over {path: value}."""
    if not leaves:
        return STATE_EMPTY
    if len(leaves) == 1:
        return state_leaf(*next(iter(leaves.items())))
    sides = [{p: v for p, v in leaves.items() if bit_of(p, depth) == bit} for bit in (0, 1)]
    return state_node(state_root(sides[0], depth + 1), state_root(sides[1], depth + 1))


def state_proof(leaves, path):
    depth, marks, siblings = 0, 0, []
    while len(leaves) > 1:
        beside = {p: v for p, v in leaves.items() if bit_of(p, depth) != bit_of(path, depth)}
        leaves = {p: v for p, v in leaves.items() if bit_of(p, depth) == bit_of(path, depth)}
        depth += 1
        marks = marks << 1 | bool(beside)
        siblings += [state_root(beside, depth)] if beside else []
    kind, tail = 1, b""
    for end, value in leaves.items():
        kind, tail = (0, b"") if end == path else (2, end + blake3(value, key=STATE["value"]))
    bitmap = (marks << -depth % 8).to_bytes((depth + 7) // 8, "big")
    return bytes([kind]) + depth.to_bytes(2, "little") + bitmap + b"".join(reversed(siblings)) + tail


def state_key(i):
    return f"key {i}".encode()


def state_value(i, turn):
    return f"value {i}.{turn}".encode() * (i % 4)


def state_history():
    yield [(state_key(0), state_value(1, 0))]
    yield [(state_key(1), state_value(1, 0))]
    yield [(state_key(i), state_value(i, 0)) for i in range(2, 40)]
    yield [(state_key(i), state_value(i, 1) if i % 3 else None) for i in range(10, 20)]
    yield [(state_key(100), None), (state_key(5), state_value(5, 1)), (state_key(5), state_value(5, 2)), (b"", b"")]
    yield [(state_key(i), state_value(7, 5) if i == 7 else None) for i in range(40)]
    yield [(state_key(7), None), (b"", None)]
    yield [(state_key(i), state_value(i, 9)) for i in range(300)]


def hex_or_null(value):
    return None if value is None else value.hex()


def state_vectors():
    state, versions = {}, []
    for changes in state_history():
        state |= dict(changes)
        state = {k: v for k, v in state.items() if v is not None}
        leaves = {blake3(k): v for k, v in state.items()}
        listed = [[k.hex(), hex_or_null(v)] for k, v in changes]
        versions.append({"changes": listed, "count": len(state), "root": state_root(leaves).hex()})
    proofs = []
    for i in [*range(4), *range(298, 340)]:
        key = state_key(i)
        proof = state_proof(leaves, blake3(key)).hex()
        proofs.append({"key": key.hex(), "value": hex_or_null(state.get(key)), "proof": proof})
    path, value = blake3(state_key(0)), state_value(1, 0)
    value_hash, leaf = blake3(value, key=STATE["value"]), state_leaf(path, value)
    node = state_node(leaf, path)
    hashes = {"key": state_key(0), "value": value, "path": path, "valueHash": value_hash}
    hashes |= {"leaf": leaf, "node": node, "empty": STATE_EMPTY}
    hashes = {name: data.hex() for name, data in hashes.items()}
    return {"hashes": hashes, "versions": versions, "proofs": proofs, "refused": state_refused(state, leaves)}


def state_refused(state, leaves):
    root = state_root(leaves)
    prove = lambda i: state_proof(leaves, blake3(state_key(i)))
    first = lambda kind: next(i for i in range(2000) if prove(i)[0] == kind)
    own, empty, other = first(0), first(1), first(2)
    has, good, none, way = state[state_key(own)], prove(own), prove(empty), prove(other)
    end = 3 + (good[1] + 7) // 8
    swapped = good[:end] + good[end + 32 : end + 64] + good[end : end + 32] + good[end + 64 :]
    side = lambda i: bit_of(blake3(state_key(i)), 0)
    wrong_side = next(i for i in range(2000) if side(i) != side(other))
    spare = bytearray(good)
    spare[3 + good[1] // 8] |= 0x80 >> good[1] % 8
    itself = bytes([2]) + good[1:] + blake3(state_key(own)) + blake3(has, key=STATE["value"])
    rows = [
        ("nothing", own, has, b"", "malformed"),
        ("head cut off", own, has, good[:2], "malformed"),
        ("unknown kind", own, has, b"\x03" + good[1:], "malformed"),
        ("last hash cut off", own, has, good[:-32], "malformed"),
        ("last byte cut off", own, has, good[:-1], "malformed"),
        ("one byte more", own, has, good + b"\0", "malformed"),
        ("one hash more", own, has, good + root, "malformed"),
        ("depth above 256", own, has, b"\0\x01\x01" + bytes(33), "malformed"),
        ("deepest sibling empty", own, has, b"\0\x01\0\0", "not-canonical"),
        ("no path in a tree of many", own, has, bytes(3), "bad-path"),
        ("a bit behind the depth", own, has, b"\0\x01\0\x40" + root, "not-canonical"),
        ("a spare bit with a hash of its own", own, has, bytes(spare) + root, "not-canonical"),
        ("an empty sibling spelled out", own, has, b"\0\x01\0\x80" + STATE_EMPTY, "not-canonical"),
        ("siblings in another order", own, has, swapped, "bad-path"),
        ("another value", own, b"another", good, "bad-path"),
        ("value shown where absence is asked", own, None, good, "bad-path"),
        ("inclusion called absence", own, None, b"\x01" + good[1:], "bad-path"),
        ("absence shown where a value is asked", empty, b"", none, "bad-path"),
        ("absence called inclusion", empty, b"", b"\0" + none[1:], "bad-path"),
        ("absence of another key", own, None, none, "bad-path"),
        ("the key's own leaf as the other", own, None, itself, "bad-path"),
        ("a leaf that is not in the way", wrong_side, None, way, "bad-path"),
        ("the other leaf's value changed", other, None, way[:-1] + b"\x01", "bad-path"),
    ]
    names = ("why", "root", "key", "value", "proof", "code")
    made = [(why, root.hex(), state_key(i).hex(), hex_or_null(v), p.hex(), f"receipt/{c}") for why, i, v, p, c in rows]
    return [dict(zip(names, row)) for row in made]


# ---------------------------------------------------------------- finality.json (chain.md X10, pos.md P6, finality.md)


def label_hash(label, data):
    return blake3(data, context=f"pyralog v1 {label}")


class LabelTree:
    def __init__(self, label):
        self.keys = {part: label_hash(f"{label} {part}", b"") for part in ("leaf", "node", "empty")}

    def leaf(self, record):
        return blake3(record, key=self.keys["leaf"])

    def node(self, left, right):
        return blake3(left + right, key=self.keys["node"])

    def empty(self):
        return blake3(b"", key=self.keys["empty"])


def label_tree(label, contents):
    return Tree(LabelTree(label), contents)


HEADER_NAMES = "height time proposer validators next transactions anchors state certificate history".split()


def header_bytes(header):
    return cbor([1] + [header[name] for name in HEADER_NAMES])


def validators_hash(voters):
    return label_hash("validators", cbor([[v["key"], v["power"]] for v in voters]))


def votes(voters, who, kind, place, network=None):
    """Signatures of a vote on place = (height, round, id), back to back."""
    names = [b"vote", (network or NETWORK).encode()]
    message = b"".join(bytes([len(name)]) + name for name in names) + cbor([kind, *place])
    return b"".join(sign(voters[i]["seed"], message) for i in who)


def certificate(voters, who, place):
    bitmap = bytearray((len(voters) + 7) // 8)
    for i in who:
        bitmap[i // 8] |= 1 << i % 8
    return cbor([place[1], bytes(bitmap), votes(voters, who, 1, place)])


def key_ids(nodes):
    return sorted(key_id(NODES[i]["name"], "cosignature", NODES[i]["public"]) for i in nodes)


ANCHORS = [
    (origin(2), 3, [(0, b"\x11" * 32)], key_ids([2])),
    (origin(0), 7, [(0, TREE.mth(0, 7)), (1, SHA256_ROOT)], key_ids([0, 1])),
    (origin(1), 7, [(0, TREE.mth(0, 7))], key_ids([0, 1, 3])),
]


def anchor_leaf(start, size, roots, ids):
    return cbor([start, size, [list(root) for root in roots], b"".join(ids)])


class Chain:
    def __init__(self):
        self.headers, self.bytes, self.certificates, before = [], [], {}, b""
        for height in range(1, 7):
            header = {"height": height, "time": 1790000002000 + 500 * height, "proposer": (height - 1) % 4}
            header |= {"validators": validators_hash(FOUR), "next": None, "state": bytes([height]) * 32}
            header["transactions"] = self.transactions(height).mth(0, len(self.transactions(height).leaves))
            header["anchors"] = self.anchors(height).mth(0, len(self.anchors(height).leaves))
            header["certificate"] = label_hash("certificate", before)
            header["history"] = self.history(height).mth(0, height - 1)
            self.headers.append(header)
            self.bytes.append(header_bytes(header))
            before = self.commit(height)

    def id(self, height):
        return label_hash("header", self.bytes[height - 1])

    def commit(self, height, who=(0, 1, 2, 3), turn=0):
        return certificate(FOUR, who, (height, turn, self.id(height)))

    def transactions(self, height):
        count = 3 if height == 3 else height % 2
        return label_tree("transactions", [f"transaction {i}".encode() for i in range(count)])

    def anchors(self, height):
        return label_tree("anchors", [anchor_leaf(*row) for row in ANCHORS] if height == 3 else [])

    def history(self, height):
        return label_tree("history", [self.id(h) for h in range(1, height)])


def anchor_items(chain, index, later=None):
    """Items of the proof of an anchor in block 3, changeable by name; a path is a list."""
    start, size, roots, ids = ANCHORS[index]
    items = {"header": chain.bytes[(later or 3) - 1], "certificate": chain.commit(later or 3), "count": 3}
    items |= {"index": index, "path": chain.anchors(3).path(index, 0, 3), "roots": roots[1:], "ids": ids}
    return items | ({"anchored": chain.bytes[2], "history": chain.history(later).path(2, 0, later - 1)} if later else {})


def anchor_proof(items, **changes):
    items = items | changes
    listed = [items["header"], items["certificate"], items["count"], items["index"], b"".join(items["path"])]
    listed += [[list(root) for root in items["roots"]], b"".join(items["ids"])]
    return cbor(listed + ([items["anchored"], b"".join(items["history"])] if "anchored" in items else []))


def finality_vectors():
    chain = Chain()
    labels = "header validators certificate transaction transactions anchors history".split()
    rows = []
    for label in labels:
        tree = LabelTree(label)
        row = {"label": label, "hash": label_hash(label, b"abc"), "leaf": tree.leaf(b"abc")}
        row |= {"node": tree.node(ZERO, b"\x01" * 32), "empty": tree.empty()}
        rows.append({name: data if name == "label" else data.hex() for name, data in row.items()})
    voters = [{"name": v["name"], "key": v["key"].hex(), "power": str(v["power"]), "seed": v["seed"].hex()} for v in FOUR]
    result = {"labels": rows, "voters": voters, "validatorsHash": validators_hash(FOUR).hex()}
    result |= {"headers": header_vectors(chain), "badHeaders": bad_headers(chain.headers[2])}
    result["anchorLeaves"] = [
        {
            "origin": row[0],
            "size": str(row[1]),
            "roots": [{"alg": ("blake3", "sha256")[alg], "root": root.hex()} for alg, root in row[2]],
            "keyIds": [i.hex() for i in row[3]],
            "bytes": anchor_leaf(*row).hex(),
        }
        for row in ANCHORS
    ]
    result["certificates"] = certificate_vectors()
    return result | final_receipts(chain) | {"transactions": transaction_vectors(chain)}


def header_vectors(chain):
    extreme = chain.headers[5] | {"height": 2**53 - 1, "time": 2**53 - 1, "proposer": 1023, "next": b"\xff" * 32}
    rows = []
    for header in [*chain.headers, extreme]:
        data = header_bytes(header)
        row = {"height": str(header["height"]), "time": str(header["time"]), "proposer": header["proposer"]}
        row["nextValidators"] = hex_or_null(header["next"])
        row |= {name: header[name].hex() for name in ("validators", *HEADER_NAMES[5:])}
        rows.append(row | {"bytes": data.hex(), "id": label_hash("header", data).hex()})
    return rows


def bad_headers(header):
    items = [1] + [header[name] for name in HEADER_NAMES]
    put = lambda at, value: cbor(items[:at] + [value] + items[at + 1 :])
    good = cbor(items)
    rows = [
        ("version 2", put(0, 2), "newer-version"),
        ("version 0", put(0, 0), "bad-header"),
        ("ten items", cbor(items[:-1]), "bad-header"),
        ("twelve items", cbor(items + [None]), "bad-header"),
        ("height 0", put(1, 0), "bad-header"),
        ("height 2^53", put(1, 2**53), "bad-header"),
        ("proposer 1,024", put(3, 1024), "bad-header"),
        ("a hash of 31 bytes", put(8, bytes(31)), "bad-header"),
        ("a hash as text", put(8, "x" * 32), "bad-header"),
        ("no state", put(8, None), "bad-header"),
        ("next validators of no bytes", put(5, b""), "bad-header"),
        ("height in a longer head", good[:2] + b"\x18\x03" + good[3:], "bad-header"),
        ("height as a float", good[:2] + b"\xf9\x42\x00" + good[3:], "bad-header"),
        ("indefinite length", b"\x9f" + good[1:] + b"\xff", "bad-header"),
        ("a byte behind", good + b"\0", "bad-header"),
        ("cut short", good[:-1], "bad-header"),
        ("tagged", b"\xc1" + good, "bad-header"),
    ]
    return [{"why": why, "bytes": data.hex(), "code": f"receipt/{code}"} for why, data, code in rows]


def certificate_vectors():
    block, big = b"\xb1" * 32, 2**31 - 1
    three, nine, one = voters_of([1] * 3, 0xB0), voters_of([5] * 9, 0xC0), voters_of([2**60], 0xD0)
    commit = (3, 0, block)
    pair = votes(FOUR, [0, 1], 1, commit)
    good = cbor([0, b"\x03", pair])
    s = int.from_bytes(pair[-32:], "little") + L
    seven = [0, 2, 3, 4, 5, 6, 7]
    bad = lambda kind, place, network=None: [0, b"\x03", votes(FOUR, [0, 1], kind, place, network)]
    rows = [
        ("70 of 100", [0, b"\x03", pair], None, FOUR),
        ("all, round 7", [7, b"\x0f", votes(FOUR, [0, 1, 2, 3], 1, (3, 7, block))], None, FOUR),
        ("the only one", [0, b"\x01", votes(one, [0], 1, commit)], None, one),
        ("7 of 9, last round", [big, b"\xfd\0", votes(nine, seven, 1, (3, big, block))], None, nine),
        ("the ninth", [0, b"\x7e\x01", votes(nine, [1, 2, 3, 4, 5, 6, 8], 1, commit)], None, nine),
        ("exactly two thirds", [0, b"\x03", votes(three, [0, 1], 1, commit)], "certificate-power", three),
        ("60 of 100", [0, b"\x05", votes(FOUR, [0, 2], 1, commit)], "certificate-power", FOUR),
        ("nobody", [0, b"\0", b""], "certificate-power", FOUR),
        ("too few and forged", [0, b"\x01", bytes(64)], "certificate-power", FOUR),
        ("a bit beyond the set", [0, b"\x13", votes(FOUR, [0, 1, 3], 1, commit)], "bad-certificate", FOUR),
        ("bitmap too long", [0, b"\x03\0", pair], "bad-certificate", FOUR),
        ("no bitmap", [0, b"", pair], "bad-certificate", FOUR),
        ("bitmap too short", [0, b"\xfd", votes(nine, seven, 1, commit)], "bad-certificate", nine),
        ("a signature short", [0, b"\x03", pair[:64]], "bad-certificate", FOUR),
        ("a byte short", [0, b"\x03", pair[:-1]], "bad-certificate", FOUR),
        ("a signature more", [0, b"\x03", pair + pair[:64]], "bad-certificate", FOUR),
        ("round null", [None, b"\x03", pair], "bad-certificate", FOUR),
        ("round 2^31", [2**31, b"\x03", pair], "bad-certificate", FOUR),
        ("two items", [0, b"\x03"], "bad-certificate", FOUR),
        ("four items", [0, b"\x03", pair, None], "bad-certificate", FOUR),
        ("bitmap as text", [0, "\x03", pair], "bad-certificate", FOUR),
        ("round in a longer head", b"\x83\x18\0" + good[2:], "bad-certificate", FOUR),
        ("a byte behind", good + b"\0", "bad-certificate", FOUR),
        ("nothing", b"", "bad-certificate", FOUR),
        ("signatures in the other order", [0, b"\x03", votes(FOUR, [1, 0], 1, commit)], "certificate-signature", FOUR),
        ("one signature twice", [0, b"\x03", votes(FOUR, [0, 0], 1, commit)], "certificate-signature", FOUR),
        ("prevotes", bad(0, commit), "certificate-signature", FOUR),
        ("of another height", bad(1, (4, 0, block)), "certificate-signature", FOUR),
        ("of another round", [1, b"\x03", pair], "certificate-signature", FOUR),
        ("of another block", bad(1, (3, 0, ZERO)), "certificate-signature", FOUR),
        ("for no block", bad(1, (3, 0, None)), "certificate-signature", FOUR),
        ("of another network", bad(1, commit, OTHER), "certificate-signature", FOUR),
        ("a third that is forged", [0, b"\x07", pair + bytes(64)], "certificate-signature", FOUR),
        ("S not canonical", [0, b"\x03", pair[:-32] + s.to_bytes(32, "little")], "certificate-signature", FOUR),
    ]
    made = []
    for why, items, code, voters in rows:
        row = {"why": why, "network": NETWORK, "height": "3", "id": block.hex()}
        row["validators"] = [{"key": v["key"].hex(), "power": str(v["power"])} for v in voters]
        row["bytes"] = (items if isinstance(items, bytes) else cbor(items)).hex()
        made.append(row | {"code": f"receipt/{code}" if code else "ok"})
    return made


def final_receipts(chain):
    texts = [key_text(key["name"], key["type"], key["public"]) for key in NODES[:3]]
    policies = [{"scope": SCOPE, "keys": texts, "threshold": 2, "faults": 0}]
    root, later = chain_root(NETWORK, FOUR), chain_root(NETWORK, FOUR, height=4)
    trust = {"both": trust_text(policies, [root]), "chain": trust_text([], [root])}
    trust |= {"later": trust_text([], [later]), "policies": trust_text(policies)}
    note, path, start = cosigned(body_of(0), [0, 1]), TREE.path(2, 0, 7), origin(0)
    rows = []
    for why, store, proofs, verdict in receipt_cases(chain):
        kinds = {"pos": 1, "pow": 2}
        listed = [{"kind": kind, "scheme": scheme, "proof": b64(data)} for kind, scheme, data in proofs]
        row = {"why": why, "trust": store, "digest": RECORDS[2][7].hex()}
        row["json"] = receipt_json(2, note, start, path, listed)
        arrays = [[kinds[kind], scheme, data] for kind, scheme, data in proofs]
        record = [*RECORDS[2][:6], multihash(*RECORDS[2][6:8]), RECORDS[2][8]]
        row["cbor"] = cbor({0: 1, 1: start, 2: record, 3: [7, b"".join(path)], 4: note, 5: arrays}).hex()
        if isinstance(verdict, str):
            rows.append(row | {"code": f"receipt/{verdict}"})
            continue
        height, signers = verdict
        row |= {"code": "ok", "basis": "policy" if store == "both" else "chain", "height": "3"}
        row |= {"certifiedHeight": str(height), "noLaterThan": str(1790000002000 + 1500 + 2500)}
        rows.append(row | {"signers": [f"validator-{i}" for i in signers]})
    return {"trust": trust, "receipts": rows}


def receipt_cases(chain):
    items, history = anchor_items(chain, 1), anchor_items(chain, 1, 6)
    everyone = range(4)
    one, two = anchor_proof(items), anchor_proof(history)
    edit = lambda **changes: [("pos", 1, anchor_proof(items, **changes))]
    past = lambda **changes: [("pos", 2, anchor_proof(history, **changes))]
    header = lambda **changes: header_bytes(chain.headers[2] | changes)
    flip = lambda path: [bytes([h[0] ^ 1]) + h[1:] for h in path]
    few, empty = chain.commit(3, (0, 2)), {"header": chain.bytes[3], "certificate": chain.commit(4)}
    yield "anchored", "both", [("pos", 1, one)], (3, everyone)
    yield "anchored, no policy", "chain", [("pos", 1, one)], (3, everyone)
    yield "by history", "both", [("pos", 2, two)], (6, everyone)
    yield "by history, under a later root", "later", [("pos", 2, two)], (6, everyone)
    yield "both schemes", "chain", [("pos", 2, two), ("pos", 1, one)], (6, everyone)
    yield "signed by two of four", "chain", edit(certificate=chain.commit(3, (0, 1), 9)), (3, (0, 1))
    yield "chain not pinned", "policies", [("pos", 1, one)], "unknown-chain"
    yield "older than the root", "later", [("pos", 1, one)], "before-trust-root"
    yield "one proof good, one bad", "both", [("pos", 1, one), *edit(certificate=few)], "certificate-power"
    yield "too little power", "both", edit(certificate=few), "certificate-power"
    yield "certificate of another block", "both", edit(certificate=chain.commit(4)), "certificate-signature"
    yield "certificate of no bytes", "both", edit(certificate=b""), "bad-certificate"
    yield "another time", "both", edit(header=header(time=1)), "certificate-signature"
    yield "another height", "both", edit(header=header(height=4)), "certificate-signature"
    yield "other validators", "both", edit(header=header(validators=ZERO)), "wrong-validators"
    yield "header cut short", "both", edit(header=items["header"][:-1]), "bad-header"
    yield "another log\u2019s anchor", "both", [("pos", 1, anchor_proof(anchor_items(chain, 2)))], "not-anchored"
    yield "no SHA-256 root", "both", edit(roots=[]), "not-anchored"
    yield "another SHA-256 root", "both", edit(roots=[(1, ZERO)]), "not-anchored"
    yield "no key ids", "both", edit(ids=[]), "not-anchored"
    yield "another index", "both", edit(index=0), "not-anchored"
    yield "a path too short", "both", edit(path=items["path"][1:]), "not-anchored"
    yield "a path too long", "both", edit(path=items["path"] + [ZERO]), "not-anchored"
    yield "another path", "both", edit(path=flip(items["path"])), "not-anchored"
    yield "block without anchors", "both", edit(**empty), "not-anchored"
    yield "another header in the history", "both", past(anchored=chain.bytes[1]), "not-in-history"
    yield "a header that never was", "both", past(anchored=header(time=1)), "not-in-history"
    yield "another path in the history", "both", past(history=flip(history["history"])), "not-in-history"
    yield "the header in its own history", "both", past(anchored=chain.bytes[5]), "not-in-history"
    yield "scheme 1 called 2", "both", [("pos", 2, one)], "finality-malformed"
    yield "scheme 2 called 1", "both", [("pos", 1, two)], "finality-malformed"
    yield "scheme 3", "both", [("pos", 3, one)], "finality-unknown"
    yield "scheme 4", "both", [("pos", 4, one)], "finality-unknown"
    yield "proof of work", "both", [("pow", 1, one)], "finality-unknown"
    yield "cut short", "both", [("pos", 1, one[:-1])], "finality-malformed"
    yield "a byte behind", "both", [("pos", 1, one + b"\0")], "finality-malformed"
    yield "nothing", "both", [("pos", 1, b"")], "finality-malformed"


def transaction_vectors(chain):
    def proof(height=3, index=1, stated=None, **changes):
        tree = chain.transactions(height)
        count = len(tree.leaves)
        items = {"header": chain.bytes[height - 1], "certificate": chain.commit(height), "count": count}
        items |= {"index": index if stated is None else stated, "path": b"".join(tree.path(index, 0, count))}
        return cbor(list((items | {"transaction": f"transaction {index}".encode()} | changes).values()))

    rows = [
        ("second of three", proof(), None),
        ("the only one", proof(5, 0), None),
        ("another transaction", proof(transaction=b"transaction 2"), "not-in-block"),
        ("another index", proof(stated=2), "not-in-block"),
        ("huge count", proof(count=2**32 - 1), "not-in-block"),
        ("too little power", proof(certificate=chain.commit(3, (0, 3))), "certificate-power"),
        ("cut short", proof()[:-1], "finality-malformed"),
        ("proof of an anchor", anchor_proof(anchor_items(chain, 1)), "finality-malformed"),
    ]
    return [{"why": why, "bytes": data.hex(), "code": f"receipt/{code}" if code else "ok"} for why, data, code in rows]


# ---------------------------------------------------------------- main


def main():
    if sys.argv[1:] != ["--check"]:
        sys.exit("usage: generate.py --check")
    makers = {
        "record.json": record_vectors,
        "merkle.json": merkle_vectors,
        "identity.json": identity_vectors,
        "checkpoint.json": checkpoint_vectors,
        "receipt.json": receipt_vectors,
        "finality.json": finality_vectors,
        "state.json": state_vectors,
    }
    folder = pathlib.Path(__file__).parent
    wrong = [name for name, make in makers.items() if (folder / name).read_bytes() != dump(make()).encode()]
    if wrong:
        sys.exit(f"made otherwise by generate.py: {', '.join(wrong)}")
    print(f"{len(makers)} files are what generate.py makes")


if __name__ == "__main__":
    main()
