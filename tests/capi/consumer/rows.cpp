// The headers alone: nothing of the engine is linked.
#include <bulkmsg/pacing/limit.hpp>
#include <cstdio>

int main() { std::puts(bulkmsg::pacing::parse_limits("80/s; in-flight=64") ? "3000 credits" : "unreadable"); }
