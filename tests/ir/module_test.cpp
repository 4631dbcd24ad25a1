// Modules: constants, uses, dead ops, hashes.
#include "ir/module.h"
#include "ir/origin.h"

#include <doctest/doctest.h>

#include <set>

#include "ir/text.h"

namespace quartet::ir {
namespace {

const Type kVector = Type::tensor(DType::F32, {4});

TEST_CASE("attributes are sorted by name") {
  Attributes attributes;
  attributes.set("b", int64_t{1});
  attributes.set("a", std::string("x"));
  attributes.set("b", int64_t{2});
  CHECK(attributes.entries().size() == 2);
  CHECK(attributes.entries()[0].first == "a");
  CHECK(attributes.integer("b") == 2);
  CHECK_THROWS_AS(attributes.integer("a"), InternalError);
  CHECK_THROWS_AS(attributes.integer("c"), InternalError);
  attributes.erase("a");
  CHECK_FALSE(attributes.has("a"));
}

TEST_CASE("attributes compare by content") {
  const auto expr = [](double value) {
    TensorExpr e;
    e.results = {Expr::literal(value, DType::F32)};
    Attributes attributes;
    attributes.set("expr", std::make_shared<const TensorExpr>(std::move(e)));
    return attributes;
  };
  CHECK(expr(1) == expr(1));
  CHECK_FALSE(expr(1) == expr(2));
  CHECK_FALSE(expr(1) == Attributes());
}

TEST_CASE("dead ops go, with what only they used") {
  Module m(Level::Graph, "m");
  const ValueId x = m.addParameter(m.top(), kVector, "x");
  const auto neg = [&](ValueId v) {
    return m.result(m.addOp(m.top(), Opcode::Neg, {v}, {kVector}));
  };
  const ValueId a = neg(x);
  const ValueId b = neg(a);
  const ValueId c = neg(b);
  (void)neg(c);
  m.addOp(m.top(), Opcode::Return, {a}, {});
  m.eraseDeadOps();
  CHECK(m.region(m.top()).ops.size() == 2);
  CHECK(m.op({1}).opcode == Opcode::Neg);  // ids stay valid
}

TEST_CASE("ops with effects and regions stay") {
  auto m = parse(R"(kernel @k(%b: buffer<f32[4]>) {
  %i = literal {value = 0} : i32
  %unused = load %b, %i : f32
  %c = literal {value = 1} : bool
  %f = literal {value = 1.0} : f32
  if %c {
    store %b, %i, %f
  } {}
  barrier
  return
})");
  REQUIRE(m.has_value());
  m->eraseDeadOps();
  CHECK(print(*m).find("%unused") == std::string::npos);
  CHECK(m->region(m->top()).ops.size() == 6);
}

TEST_CASE("uses are replaced everywhere") {
  auto m = parse(R"(kernel @k(%b: buffer<f32[4]>) {
  %i = literal {value = 0} : i32
  %j = literal {value = 1} : i32
  %c = literal {value = 1} : bool
  if %c { %f = load %b, %i : f32 } {}
  return
})");
  REQUIRE(m.has_value());
  m->replaceUses({1}, {2});
  CHECK(print(*m).find("load %b, %j") != std::string::npos);
}

TEST_CASE("constants are shared by content") {
  Module m(Level::Graph, "m");
  const ValueId a = m.addConstant(m.top(), makeConstant<float>(DType::F32, {2}, {1, 2}));
  const ValueId b = m.addConstant(m.top(), makeConstant<float>(DType::F32, {2}, {1, 2}));
  const ValueId x = m.addParameter(m.top(), kVector);
  CHECK(m.constants.size() == 1);
  CHECK(m.constantOf(a) == m.constantOf(b));
  CHECK(m.constantOf(x) == nullptr);
  CHECK(m.type(a).str() == "f32[2]");
  CHECK_THROWS_AS(makeConstant<float>(DType::F32, {3}, {1, 2}), InternalError);
}

TEST_CASE("the hash tells dtype, shape, length and every bit apart, and never changes") {
  std::set<std::string> hashes;
  const auto add = [&](DType dtype, Ints shape, const std::vector<uint8_t>& bytes) {
    const auto data = makeConstant<uint8_t>(dtype, std::move(shape), bytes);
    std::string hash = contentHash(*data);
    CHECK(hash.size() == 32);
    CHECK(hashes.insert(hash).second);
    return hash;
  };
  const std::string first = add(DType::U8, {8}, std::vector<uint8_t>(8));
  CHECK(first == contentHash(*makeConstant<uint8_t>(DType::U8, {8}, std::vector<uint8_t>(8))));
  add(DType::I8, {8}, std::vector<uint8_t>(8));
  add(DType::U8, {2, 4}, std::vector<uint8_t>(8));
  add(DType::U8, {4, 2}, std::vector<uint8_t>(8));
  add(DType::U8, {1, 8}, std::vector<uint8_t>(8));
  add(DType::F32, {2}, std::vector<uint8_t>(8));
  add(DType::U8, {9}, std::vector<uint8_t>(9));
  for (size_t length : {1, 63, 64, 65, 300}) {
    if (length != 8) add(DType::U8, {static_cast<int64_t>(length)}, std::vector<uint8_t>(length));
    for (size_t bit = 0; bit < 8 * length; ++bit) {
      std::vector<uint8_t> bytes(length);
      bytes[bit / 8] = static_cast<uint8_t>(1U << bit % 8);
      add(DType::U8, {static_cast<int64_t>(length)}, bytes);
    }
  }
  // Kept between versions: names of constants in stored texts depend on it.
  CHECK(contentHash(*makeConstant<float>(DType::F32, {2}, {1, 2.5})) ==
        "527efff16d2c5e697c9df287d032c95b");
}

TEST_CASE("half of the hash's bits change with any bit of the data") {
  const std::vector<uint8_t> zeros(128);
  const auto words = [](const std::vector<uint8_t>& bytes) {
    const std::string hash = contentHash(*makeConstant<uint8_t>(DType::U8, {128}, bytes));
    return std::pair(std::stoull(hash.substr(0, 16), nullptr, 16),
                     std::stoull(hash.substr(16), nullptr, 16));
  };
  const auto base = words(zeros);
  int64_t total = 0;
  int fewest = 128;
  for (size_t bit = 0; bit < 1024; ++bit) {
    std::vector<uint8_t> bytes = zeros;
    bytes[bit / 8] = static_cast<uint8_t>(1U << bit % 8);
    const auto changed = words(bytes);
    const int count = __builtin_popcountll(changed.first ^ base.first) +
                      __builtin_popcountll(changed.second ^ base.second);
    total += count;
    fewest = std::min(fewest, count);
  }
  CHECK(total > 1024 * 62);
  CHECK(total < 1024 * 66);
  CHECK(fewest > 32);
}

TEST_CASE("origins merge in order of appearance") {
  CHECK(mergeOrigins({"a", "b"}, {"c", "a"}) == Origin{"a", "b", "c"});
  const Origin some{"a", "b"};
  const Origin more{"c", "a", "c"};
  const Origin none;
  const std::vector<const Origin*> all{&some, &none, &more};
  CHECK(mergeOrigins(all) == Origin{"a", "b", "c"});
  CHECK(str(Origin{"conv1", "relu1"}) == "conv1, relu1");
}

TEST_CASE("layouts") {
  const Layout blocked{{{0, 32, 0}, {1, 1, 0}, {0, 1, 32}}};
  CHECK(blocked.str() == "[a0/32, a1, a0%32]");
  std::string shape;
  for (const Dim& d : blocked.physicalShape({100, Dim::symbol("N")})) shape += d.str() + " ";
  CHECK(shape == "4 N 32 ");
  CHECK(Layout::permutation({1, 0}).str() == "[a1, a0]");
}

}  // namespace
}  // namespace quartet::ir
