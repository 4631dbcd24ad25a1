// The library toml++, out of its headers.

#define TOML_IMPLEMENTATION
#include <toml++/toml.h>
