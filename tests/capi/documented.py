"""Holds every status that the Python package is given against the comments of bulkmsg.h. For the tests of this folder."""

import pathlib

import c_header

HEADER = c_header.read(pathlib.Path(__file__).resolve().parents[2] / "capi" / "include" / "bulkmsg" / "bulkmsg.h")


def watch(library):
    """Returns a set that fills with "function: status" for what a comment does not list."""
    undocumented = set()

    def watched(name, native):
        def call(*arguments):
            status = native(*arguments)
            if status != 0 and not HEADER.may_return(name, status):
                undocumented.add(f"{name}: {library.bulkmsg_status_name(status).decode()}")
            return status

        return call

    for name, function in HEADER.functions.items():
        if function.parameters[-1:] == ["bulkmsg_error **"]:
            setattr(library, name, watched(name, getattr(library, name)))
    return undocumented
