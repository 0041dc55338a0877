"""Builds the wheel, for pip (PEP 517): the package and the shared library, one wheel per platform, any Python 3.

The library is the one that BULKMSG_LIBRARY names, else that of build/release."""

import base64
import hashlib
import os
import pathlib
import re
import sysconfig
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
SUMMARY = "An embeddable engine for bulk messaging"


def _constant(name):
    return re.search(rf'^{name} = "?([^"\n]+)"?$', (HERE / "bulkmsg" / "_abi.py").read_text(), re.MULTILINE).group(1)


def _version():
    number = int(_constant("VERSION_NUMBER"), 16)
    return f"{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _library():
    named = os.environ.get("BULKMSG_LIBRARY")
    path = pathlib.Path(named) if named else HERE.parents[1] / "build" / "release" / "capi" / _constant("SONAME")
    if not path.exists():
        raise FileNotFoundError(f"{path}: build the shared library first, or name it in BULKMSG_LIBRARY")
    return path


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    platform = re.sub(r"[^a-zA-Z0-9]", "_", sysconfig.get_platform())
    tag = f"py3-none-{platform}"
    name = f"bulkmsg-{_version()}"
    files = {f"bulkmsg/{path.name}": path.read_bytes() for path in sorted((HERE / "bulkmsg").glob("*.py"))}
    files["bulkmsg/py.typed"] = b""
    files[f"bulkmsg/{_constant('SONAME')}"] = _library().read_bytes()
    info = f"{name}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: bulkmsg\nVersion: {_version()}\nSummary: {SUMMARY}\nRequires-Python: >=3.9\n"
    files[f"{info}/METADATA"] = metadata.encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: bulkmsg\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files[f"{info}/WHEEL"] = wheel.encode()
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    made = f"{name}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, made), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path)  # a fixed date: the same sources give the same wheel
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return made
