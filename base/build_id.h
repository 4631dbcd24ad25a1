// Which build of the code runs in this process.
#pragma once

#include <string>

namespace quartet {

/// The build id, in hexadecimal digits, that the linker gave the program or shared library that
/// `address` (of a function, say) belongs to: other code, another id. Empty when it has none
/// (--build-id=none).
std::string buildIdOf(const void* address);

/// That of Quartet's own code.
std::string buildId();

}  // namespace quartet
