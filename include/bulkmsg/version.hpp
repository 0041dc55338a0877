// The project's version, in one place: CMake reads it from here.
#pragma once

#define BULKMSG_VERSION_MAJOR 0
#define BULKMSG_VERSION_MINOR 1
#define BULKMSG_VERSION_PATCH 0
