#!/usr/bin/env python3
"""What is installed can be used: by CMake, by pkg-config, shared and static, from sources, from the Debian packages.

    packaging_test.py --build build/release --source . --cc gcc --cxx g++ [--launcher ccache] [--thorough] [--bare-root ROOT]

With --bare-root, a Debian 12 in a directory (debootstrap makes one), the packages are installed there with apt and a C
program is compiled in it; ROOT is copied first. Needs root; the packages' dependencies come over the network.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

arguments = argparse.ArgumentParser()
arguments.add_argument("--build", type=pathlib.Path, required=True)
arguments.add_argument("--source", type=pathlib.Path, required=True)
arguments.add_argument("--cc", required=True)
arguments.add_argument("--cxx", required=True)
arguments.add_argument("--launcher", default="")
arguments.add_argument("--bare-root", type=pathlib.Path)
arguments.add_argument("--thorough", action="store_true", help="compiles the engine once more, from within a consumer")
given, rest = arguments.parse_known_args()
consumer = given.source.resolve() / "tests" / "capi" / "consumer"


def run(*line, **more):
    done = subprocess.run([str(word) for word in line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(str(word) for word in line)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


class Packaging(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory(prefix="bulkmsg-packaging-")
        cls.directory = pathlib.Path(cls.kept.name)
        # Installed to one place and moved to another: nothing may remember the first.
        run("cmake", "--install", given.build, "--prefix", cls.directory / "first")
        cls.prefix = cls.directory / "moved"
        (cls.directory / "first").rename(cls.prefix)
        (cls.libraries,) = [found.parent for found in cls.prefix.rglob("libbulkmsg.so")]
        os.environ["LD_LIBRARY_PATH"] = str(cls.libraries)
        os.environ["PKG_CONFIG_PATH"] = str(cls.libraries / "pkgconfig")

    @classmethod
    def tearDownClass(cls):
        cls.kept.cleanup()

    def works(self, program):
        store = pathlib.Path(tempfile.mkdtemp(dir=self.directory)) / "store"
        self.assertEqual("3000 credits\n", run(program, store))

    def configure(self, to, *options):
        launcher = [f"-DCMAKE_{l}_COMPILER_LAUNCHER={given.launcher}" for l in ("C", "CXX") if given.launcher]
        run("cmake", "-G", "Ninja", "-S", consumer, "-B", to, f"-DCMAKE_C_COMPILER={given.cc}",
            f"-DCMAKE_CXX_COMPILER={given.cxx}", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O2",
            "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", *launcher, *options)

    def needed(self, program):
        return {line.split("[")[1].rstrip("]") for line in run("readelf", "-d", program).splitlines() if "NEEDED" in line}

    def test_by_cmake(self):
        build = self.directory / "by_cmake"
        self.configure(build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", build)
        for program in ("shared", "static", "cxx", "core"):
            self.works(build / program)
        self.assertIn("libbulkmsg.so.0.1", self.needed(build / "shared"))
        self.assertNotIn("libbulkmsg.so.0.1", self.needed(build / "static"))

    def test_by_cmake_without_what_only_cxx_needs(self):
        build = self.directory / "c_only"
        self.configure(build, f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DBULKMSG_COMPONENTS=c",
                       *(f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("Boost", "absl", "simdjson", "OpenSSL")))
        run("cmake", "--build", build)
        self.works(build / "shared")

    def test_by_pkg_config(self):
        for way, flags in (("shared", []), ("static", ["--static"])):
            words = run("pkg-config", "--cflags", "--libs", *flags, "bulkmsg").split()
            self.assertIn(f"-I{self.prefix}", "".join(words))
            if way == "static":  # as a program does that wants only ours static
                words[words.index("-lbulkmsg")] = "-l:libbulkmsg.a"
            program = self.directory / f"pkg_config_{way}"
            run(given.cc, "-std=c89", "-pedantic", "-Werror", consumer / "one_campaign.c", *words, "-o", program)
            self.works(program)

    def test_from_sources(self):
        build = self.directory / "from_sources"
        self.configure(build, f"-DBULKMSG_SOURCES={given.source.resolve()}")
        programs = ("shared", "static", "cxx", "core")
        if given.thorough:
            run("cmake", "--build", build)
        else:  # what would be done, but for the headers alone: the engine takes minutes
            run("ninja", "-C", build, "-n", *programs)
            run("cmake", "--build", build, "--target", "core")
        for program in programs if given.thorough else ["core"]:
            self.works(build / program)

    def test_the_archive_has_our_functions_and_no_other_global_symbol(self):
        lines = run("nm", "-g", "--defined-only", "--format=posix", self.libraries / "libbulkmsg.a").splitlines()
        found = {line.split()[0] for line in lines if len(line.split()) > 2}
        listed = (given.source / "capi" / "bulkmsg.symbols").read_text().splitlines()
        self.assertEqual({line.split()[0] for line in listed if line.startswith("bulkmsg_")}, found)

    def test_beside_another_asio(self):
        object_file = self.directory / "other_asio.o"
        run(*given.launcher.split(), given.cxx, "-std=c++20", "-O1", f"-I{self.prefix}/include", "-c",
            consumer / "other_asio.cpp", "-o", object_file)
        for way in ("-lbulkmsg", "-l:libbulkmsg.a"):
            libraries = run("pkg-config", "--libs", *(["--static"] if ".a" in way else []), "bulkmsg").split()
            libraries[libraries.index("-lbulkmsg")] = way
            program = self.directory / f"other_asio_{way[-1]}"
            run(given.cxx, object_file, *libraries, "-o", program)
            run(program, pathlib.Path(tempfile.mkdtemp(dir=self.directory)) / "store")


class Debs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("dpkg-shlibdeps") is None:
            raise unittest.SkipTest("not on Debian")
        cls.kept = tempfile.TemporaryDirectory(prefix="bulkmsg-debs-")
        cls.directory = pathlib.Path(cls.kept.name)
        run("cpack", "--config", given.build / "CPackConfig.cmake", "-B", cls.directory / "debs")
        cls.runtime, = (cls.directory / "debs").glob("libbulkmsg0*.deb")
        cls.dev, = (cls.directory / "debs").glob("libbulkmsg-dev*.deb")

    @classmethod
    def tearDownClass(cls):
        cls.kept.cleanup()

    def test_say_what_they_need_and_give(self):
        depends = run("dpkg-deb", "-f", self.runtime, "Depends")
        for needed in ("libc6", "libsqlite3-0", "libssl3", "libstdc++6"):
            self.assertIn(needed, depends)
        version = run("dpkg-deb", "-f", self.runtime, "Version").strip()
        self.assertEqual(f"libbulkmsg0.1 (= {version})", run("dpkg-deb", "-f", self.dev, "Depends").strip())
        control = self.directory / "control"
        run("dpkg-deb", "-e", self.runtime, control)
        self.assertEqual(f"libbulkmsg 0.1 libbulkmsg0.1 (>= {version})", (control / "shlibs").read_text().strip())
        self.assertIn("ldconfig", (control / "postinst").read_text())

    def test_unpacked_they_compile_and_run_a_program(self):
        root = self.directory / "root"
        for package in (self.runtime, self.dev):
            run("dpkg-deb", "-x", package, root)
        library = next(root.rglob("libbulkmsg.so"))
        program = self.directory / "program"
        run(given.cc, "-std=c89", f"-I{root}/usr/include", consumer / "one_campaign.c", library, "-o", program)
        environment = dict(os.environ, LD_LIBRARY_PATH=str(library.parent))
        self.assertEqual("3000 credits\n", run(program, self.directory / "store", env=environment))

    def test_installed_on_a_bare_debian(self):
        if given.bare_root is None:
            self.skipTest("no --bare-root")
        root = self.directory / "bare"
        run("cp", "-a", "--one-file-system", given.bare_root, root)
        inside = root / "tmp" / "bulkmsg"
        inside.mkdir(parents=True)
        for file in (self.runtime, self.dev, consumer / "one_campaign.c"):
            shutil.copy(file, inside)
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        script = ("export DEBIAN_FRONTEND=noninteractive LC_ALL=C; set -e; cd /tmp/bulkmsg; apt-get update -qq;"
                  "apt-get install -y -qq --no-install-recommends gcc libc6-dev pkg-config ./*.deb;"
                  "gcc one_campaign.c $(pkg-config --cflags --libs bulkmsg) -o one_campaign; ./one_campaign store;"
                  "cd /usr/share/doc/libbulkmsg-dev/capi/guide; sed -n '/^```c/,/^```$/{/^```/!p}' send-a-csv.md |"
                  "gcc -I. -x c - $(pkg-config --cflags --libs bulkmsg) -o /tmp/bulkmsg/send-a-csv; cd /tmp/bulkmsg;"
                  "./send-a-csv 2>&1 | grep SENDER_JSON;"
                  "apt-get remove -y -qq libbulkmsg0.1; test ! -e \"$(find /usr -name 'libbulkmsg*' -print -quit)\"")
        said = run("chroot", root, "/bin/sh", "-c", script, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        self.assertIn("3000 credits\n", said)
        self.assertIn("give it STORE SENDER_JSON", said)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
