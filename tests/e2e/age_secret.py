#!/usr/bin/python3
"""The AGE-SECRET-KEY-1… of an identity file, for age itself: from docs/formats.md alone, with nothing of Tidemark's.

    age_secret.py IDENTITY_FILE
"""
import hashlib
import sys

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def checksum(prefix, words):
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + words
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> i & 1:
                check ^= generator
    return check


def regroup(values, from_bits, to_bits, pad):
    number = bits = 0
    out = []
    for value in values:
        number = number << from_bits | value
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            out.append(number >> bits & (1 << to_bits) - 1)
    if pad and bits:
        out.append(number << to_bits - bits & (1 << to_bits) - 1)
    return out


def decode(text):
    prefix, _, data = text.lower().rpartition("1")
    words = [ALPHABET.index(c) for c in data]
    assert checksum(prefix, words) == 1, "not bech32"
    return bytes(regroup(words[:-6], 5, 8, False))


def encode(prefix, data):
    words = regroup(data, 8, 5, True)
    check = checksum(prefix, words + [0] * 6) ^ 1
    return prefix + "1" + "".join(ALPHABET[w] for w in words + [check >> 5 * (5 - i) & 31 for i in range(6)])


with open(sys.argv[1]) as file:
    seed = decode(next(line.strip() for line in file if line.startswith("TIDE-SECRET-KEY-1")))
secret = hashlib.blake2b(digest_size=32, key=seed, salt=(2).to_bytes(16, "little"), person=b"tideseal".ljust(16, b"\0"))
print(encode("age-secret-key-", secret.digest()).upper())
