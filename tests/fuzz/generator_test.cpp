// The generator reaches everything, the same for a seed each time; the reducer shrinks.
#include "tests/fuzz/generator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/fuzz/reduce.h"

using namespace quartet;
using namespace quartet::fuzz;

namespace {

bool has(const ir::Module& graph, Opcode wanted) {
  const auto& ops = graph.region(graph.top()).ops;
  return std::any_of(ops.begin(), ops.end(),
                     [&](ir::OpId id) { return graph.op(id).opcode == wanted; });
}

/// Seeds of the graphs that are looked at here.
constexpr uint64_t kSeeds = 1500;

}  // namespace

TEST_CASE("every primitive, scalar op, dtype and rank comes up") {
  std::set<Opcode> ops;
  std::set<DType> dtypes;
  std::set<size_t> ranks;
  size_t planted = 0;
  size_t symbolic = 0;
  size_t empty = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    const Case c = generate(seed);
    REQUIRE(ir::verify(c.graph).has_value());
    planted += c.planted ? 1 : 0;
    symbolic += c.symbols.empty() ? 0 : 1;
    for (ir::OpId id : c.graph.region(c.graph.top()).ops) {
      const ir::Op& op = c.graph.op(id);
      ops.insert(op.opcode);
      for (ValueId result : op.results) {
        const ir::Type& type = c.graph.type(result);
        dtypes.insert(type.dtype);
        ranks.insert(type.shape.size());
        empty += std::count(type.shape.begin(), type.shape.end(), ir::Dim(0)) > 0 ? 1 : 0;
      }
    }
  }
  for (int i = 0; i <= static_cast<int>(Opcode::Report); ++i) {  // the last of ops.def
    const auto op = static_cast<Opcode>(i);
    const bool graph =
        ir::isScalar(op) || (ir::info(op).levels & static_cast<uint8_t>(ir::Level::Graph)) != 0;
    // Compute has no meaning for the reference.
    if (!graph || op == Opcode::Compute) continue;
    if (op == Opcode::Dot2) continue;  // its operands are bits of others: dot_products_test
    CHECK_MESSAGE(ops.contains(op), "no graph has " << std::string(ir::name(op)));
  }
  CHECK(dtypes.size() == static_cast<size_t>(ir::kDTypeCount));
  for (size_t rank = 0; rank <= 5; ++rank) CHECK(ranks.contains(rank));
  CHECK(planted > 10);
  CHECK(symbolic > 50);
  CHECK(empty > 10);
}

TEST_CASE("a seed gives one graph") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CHECK(print(generate(seed)) == print(generate(seed)));
  }
}

TEST_CASE("the reducer keeps what fails and little else") {
  int reduced = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const Case c = generate(seed);
    if (!has(c.graph, Opcode::Conv) || c.planted || !c.symbols.empty()) continue;
    const Case small = reduce(c, [](const Case& x) { return has(x.graph, Opcode::Conv); });
    size_t computing = 0;
    for (ir::OpId id : small.graph.region(small.graph.top()).ops) {
      const Opcode op = small.graph.op(id).opcode;
      computing += op != Opcode::Constant && op != Opcode::Return ? 1 : 0;
    }
    CHECK(computing == 1);
    CHECK(small.graph.outputs.size() == 1);
    ++reduced;
  }
  CHECK(reduced > 5);
}
