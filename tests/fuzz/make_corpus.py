#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz targets into corpus/<reader>/: small valid files of every kind that
the readers tell apart. Standard library only; the same bytes every time."""
import gzip
import io
import json
import pathlib
import struct
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent / "corpus"


def store(reader, name, content):
    folder = HERE / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def safetensors(entries, metadata=None):
    sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
    header, position = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape in entries:
        size = sizes[dtype]
        for extent in shape:
            size *= extent
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + size]}
        position += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(i % 2 for i in range(position))


def npy(descr, shape, data, version=1, fortran=False):
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode()
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


def npz(method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in (("a.npy", npy("<f4", (3,), bytes(12))), ("b.npy", npy("|u1", (), b"x"))):
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def png(color, depth, channels, interlace=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width = height = 3
    rows = b"".join(bytes([y % 3]) + bytes(range((width * channels * depth + 7) // 8)) for y in range(height))
    if interlace:  # pass by pass: 1x1, then columns 2, 1 and rows as Adam7 has them for 3 x 3
        passes = ((1, 1), (0, 0), (0, 0), (1, 1), (2, 1), (1, 2), (3, 1))
        rows = b"".join(b"\0" + bytes((w * channels * depth + 7) // 8) for w, h in passes for _ in range(h) if w)
    data = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))
    if color == 3:
        data += chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", b"\x00\x80")
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(components=1, progressive=False):
    """One constant block per component: DC difference 0, then end of block."""
    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    def table(kind):  # one code, 0, of one bit, for the symbol 0
        return segment(0xC4, bytes([kind << 4, 1]) + bytes(15) + b"\0")

    names = range(1, components + 1)
    frame = struct.pack(">BHHB", 8, 8, 8, components) + b"".join(bytes([n, 0x11, 0]) for n in names)
    scan = bytes([components]) + b"".join(bytes([n, 0]) for n in names)
    bits = "0" * components if progressive else "00" * components
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return (b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC2 if progressive else 0xC0, frame)
            + table(0) + table(1) + segment(0xDA, scan + (b"\0\0\0" if progressive else b"\0\x3f\0"))
            + coded + b"\xff\xd9")


def idx(kind, extents, data):
    return bytes([0, 0, kind, len(extents)]) + b"".join(struct.pack(">I", n) for n in extents) + data


def state_dict(entries):
    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    empty = b"ccollections\nOrderedDict\n)R"
    out = b"\x80\x02" + empty + b"("
    for name, storage, offset, shape, stride in entries:
        numbers = [b"(" + b"".join(b"K" + bytes([n]) for n in v) + b"t" for v in (shape, stride)]
        out += (text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\n"
                + storage.encode() + b"Storage\n" + text("0") + text("cpu") + b"M\x40\x00tQK" + bytes([offset])
                + numbers[0] + numbers[1] + b"\x89" + empty + b"tR")
    return out + b"u."


def main():
    all_types = [(t.lower(), t, [2, 3]) for t in ("F64", "I64", "F32", "I32", "F16", "BF16", "U8", "BOOL")]
    store("safetensors", "all-types", safetensors(all_types, {"key": "value"}))
    store("safetensors", "empty", safetensors([]))
    store("safetensors", "scalar", safetensors([("x", "F32", []), ("y", "U8", [0, 4])]))
    for i, code in enumerate(("<f2", "<f4", ">f8", "<i4", ">i8", "|u1", "|b1", "|i1", ">i2", "<u2", "<u4", "<u8")):
        store("npy", f"type-{code[1:]}", npy(code, (2, 1), bytes(2 * int(code[2])), 1 + i % 3, i % 2 == 1))
    store("npz", "stored", npz(zipfile.ZIP_STORED))
    store("npz", "deflated", npz(zipfile.ZIP_DEFLATED))
    for name, arguments in {"grey1": (0, 1, 1), "grey16": (0, 16, 1), "rgb8": (2, 8, 3), "palette2": (3, 2, 1),
                            "grey-alpha8": (4, 8, 2), "rgba16": (6, 16, 4), "interlaced": (0, 8, 1, 1)}.items():
        store("png", name, png(*arguments))
    store("jpeg", "grey", jpeg())
    store("jpeg", "rgb", jpeg(3))
    store("jpeg", "cmyk", jpeg(4))
    store("jpeg", "progressive", jpeg(1, True))
    store("gzip", "one", gzip.compress(b"hello, hello, hello", mtime=0))
    store("gzip", "two", gzip.compress(b"one", mtime=0) + gzip.compress(b"", mtime=0))
    store("gzip", "named", b"\x1f\x8b\x08\x08" + bytes(6) + b"n\0" + gzip.compress(b"x", mtime=0)[10:])
    store("csv", "header", b"x,y\r\n1,2\r\n3,\"a \"\"b\"\", c\"\r\n")
    store("csv", "tabs", b"one, two\t1\nthree\t\n")
    store("csv", "blanks", b"\xef\xbb\xbfA11 6  A34\n A12 48 \"A 32\" \n")
    store("csv", "semicolons", b"a;b\n1.5e3;-inf\n")
    store("state_dict", "tensors", state_dict([("a", "Float", 0, (2, 3), (3, 1)), ("b", "Long", 1, (), ()),
                                                ("c", "Bool", 4, (3, 2), (1, 8)), ("d", "Half", 0, (0, 4), (4, 1))]))
    store("state_dict", "plain", b"\x80\x04\x95" + bytes(8) + b"}(\x8c\x01kN\x8c\x01lG" + bytes(8) + b"u\x94.")
    for kind, size in ((8, 1), (9, 1), (11, 2), (12, 4), (13, 4), (14, 8)):
        store("idx", f"type-{kind}", idx(kind, [2, 1], bytes(2 * size)))
    record = jpeg(3)
    store("cifar", "records", b"\2" + 2 * (struct.pack(">I", len(record)) + record))
    store("cifar", "cifar10", b"\0\5" + bytes(3072))
    store("cifar", "cifar100", b"\1\5\x63" + bytes(3072))


if __name__ == "__main__":
    main()
