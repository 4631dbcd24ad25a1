#include "cli/npy.h"

#include <doctest/doctest.h>

#include "cli/files.h"
#include "tests/cli/command.h"

using namespace quartet;
using namespace quartet::cli;
using namespace quartet::tests;

namespace {

std::string fileOf(const std::string& header, const std::string& data) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

std::string messageOf(const std::string& bytes) {
  const auto tensor = parseNpy(bytes, "x.npy");
  REQUIRE_FALSE(tensor);
  CHECK(tensor.error().where == "x.npy");
  return tensor.error().message;
}

}  // namespace

TEST_CASE("npy: every type and rank comes back") {
  for (int type = 0; type <= static_cast<int>(DataType::F64); ++type) {
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{}, {3}, {2, 3}, {0}, {2, 0, 5}, {1, 2, 3, 4}}) {
      Tensor tensor{static_cast<DataType>(type), shape, {}};
      tensor.bytes.resize(static_cast<size_t>(tensor.elementCount() * byteSize(tensor.dtype)));
      for (size_t i = 0; i < tensor.bytes.size(); ++i) tensor.bytes[i] = std::byte(i % 2);
      const std::string bytes = npyBytes(tensor);
      CHECK((bytes.size() - tensor.bytes.size()) % 64 == 0);
      const auto back = parseNpy(bytes, "x.npy");
      REQUIRE_MESSAGE(back, back.error().str());
      CHECK(back->dtype == tensor.dtype);
      CHECK(back->shape == tensor.shape);
      CHECK(back->bytes == tensor.bytes);
    }
  }
}

TEST_CASE("npy: headers as others write them") {
  const std::string four(4, '\0');
  CHECK(parseNpy(fileOf("{\"shape\": (1,), 'fortran_order': False, 'descr': '<f4'}", four), "x"));
  CHECK(parseNpy(fileOf("{'descr':'<f4','fortran_order':True,'shape':(1,),}\n", four), "x"));
  const auto boolean = parseNpy(
      fileOf("{'descr': '|b1', 'fortran_order': False, 'shape': (4,)}", "\x02\x01\x01\x09"), "x");
  REQUIRE(boolean);
  for (std::byte value : boolean->bytes) CHECK(value == std::byte{1});
}

TEST_CASE("npy: what is wrong is said") {
  const std::string four(4, '\0');
  const auto header = [](const std::string& descr, const std::string& shape) {
    return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  };
  CHECK(messageOf("") == "not a .npy file: its magic number is missing");
  CHECK(messageOf("\x93NUMPY\x01") == "truncated: the file ends inside its header");
  CHECK(messageOf(std::string("\x93NUMPY\x07\x00\x10\x00", 10)).find("version 7") !=
        std::string::npos);
  CHECK(messageOf(std::string("\x93NUMPY\x01\x00\xff\xff{", 11)) ==
        "truncated: the file ends inside its header");
  CHECK(messageOf(fileOf(header(">f4", "(1,)"), four)).find("'>f4'") != std::string::npos);
  CHECK(messageOf(fileOf(header("<c8", "(1,)"), four)).find("'<c8'") != std::string::npos);
  CHECK(messageOf(fileOf(header("<f4", "(2,)"), four)) ==
        "found 4 bytes of data, its shape requires 8");
  CHECK(messageOf(fileOf(header("<f4", "(-1,)"), four)).find("negative") != std::string::npos);
  CHECK(messageOf(fileOf(header("<f4", "(4294967296, 4294967296)"), four)).find("overflowing") !=
        std::string::npos);
  const std::string none = "its header is not a dictionary of descr, fortran_order, shape";
  CHECK(messageOf(fileOf(header("<f4", "(1,"), four)) == none);
  CHECK(messageOf(fileOf(header("<f4", "(99999999999999999999,)"), four)) == none);
  CHECK(messageOf(fileOf("{'descr': '<f4'}", four)) == none);
  CHECK(messageOf(fileOf("{'shape", four)) == none);
  CHECK(messageOf(fileOf("", four)) == none);
  CHECK(messageOf(fileOf("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", four)) ==
        "the tensor is stored in Fortran order");
}

TEST_CASE("npy: any mutation is refused or read, never more") {
  const std::string good = npyBytes(Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  uint32_t state = 5;
  for (int round = 0; round < 20000; ++round) {
    std::string mutant = good;
    for (int change = 0; change < 2; ++change) {
      state = state * 1664525U + 1013904223U;
      mutant[(state >> 8) % 90] = static_cast<char>(state >> 24);
    }
    const auto tensor = parseNpy(mutant, "x.npy");
    if (!tensor) continue;
    REQUIRE(static_cast<int64_t>(tensor->bytes.size()) ==
            tensor->elementCount() * byteSize(tensor->dtype));
  }
}

TEST_CASE("files: names that no file system mistakes") {
  CHECK(fileName("a/b\\c") == "a_b_c");
  CHECK(fileName("..") == "_.");
  CHECK(fileName("") == "_");
  CHECK(fileName("x:0") == "x:0");
}
