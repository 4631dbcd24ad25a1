// The grammar of Einsum's equation.
#include <doctest/doctest.h>

#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

OnnxModel einsum(const std::string& equation, const std::vector<std::vector<Extent>>& shapes) {
  OnnxModel m;
  std::vector<std::string> names;
  for (const auto& shape : shapes) {
    names.push_back("x" + std::to_string(names.size()));
    m.input(names.back(), shape);
  }
  m.node("Einsum", names, {"y"}, {{"equation", equation}}).output("y");
  return m;
}

void checkRefused(const std::string& equation, const std::vector<std::vector<Extent>>& shapes,
                  const std::string& message) {
  CAPTURE(equation);
  const Diagnostic error = importError(einsum(equation, shapes));
  CHECK(error.kind == Diagnostic::Kind::User);
  CHECK(error.message == message);
  CHECK(error.where == "node 'make_y' (Einsum, opset 17)");
}

}  // namespace

TEST_CASE("an equation of Einsum that breaks the grammar is refused") {
  const std::string equation = "of attribute 'equation'";
  SUBCASE("characters") {
    const std::string required = "', required are letters and at most one '...'";
    checkRefused("i.", {{2}}, "term 'i.' " + equation + " holds '." + required);
    checkRefused(".", {{2}}, "term '.' " + equation + " holds '." + required);
    checkRefused("i..", {{2}}, "term 'i..' " + equation + " holds '." + required);
    checkRefused("i1", {{2, 2}}, "term 'i1' " + equation + " holds '1" + required);
    checkRefused("ij-", {{2, 2}}, "term 'ij-' " + equation + " holds '-" + required);
    checkRefused("i->j->i", {{2}}, "term 'j->i' " + equation + " holds '-" + required);
    checkRefused("i->i,i", {{2}}, "term 'i,i' " + equation + " holds '," + required);
    checkRefused("\xc3\xa9", {{2}}, "term '\xc3\xa9' " + equation + " holds '\xc3" + required);
  }
  SUBCASE("ellipses") {
    const std::string twice = equation + " has more than one ellipsis";
    checkRefused("......", {{2}}, "term '......' " + twice);
    checkRefused("...i...->i", {{2, 2, 2}}, "term '...i...' " + twice);
    checkRefused("...i->...i...", {{2, 2}}, "term '...i...' " + twice);
    checkRefused("...i->i", {{2, 2}},
                 "the result 'i' " + equation + " has no ellipsis, the terms have one of 1 axes");
  }
  SUBCASE("labels of the result") {
    checkRefused("ij->ik", {{2, 2}},
                 "the result 'ik' " + equation + " has label 'k', which no term has");
    checkRefused("ij->ii", {{2, 2}}, "the result 'ii' " + equation + " has label 'i' twice");
  }
  SUBCASE("inputs") {
    checkRefused("ij,jk", {{2, 2}}, "attribute 'equation' has 2 terms for 1 inputs");
    checkRefused("ij", {{2, 2}, {2, 2}}, "attribute 'equation' has 1 terms for 2 inputs");
    checkRefused("ijk", {{2, 2}}, "term 'ijk' " + equation + " does not fit shape [2, 2]");
    checkRefused("i", {{2, 2}}, "term 'i' " + equation + " does not fit shape [2, 2]");
    checkRefused("ii", {{1, 3}},
                 "extents of a label twice in one term: found 1 and 3, required to be equal");
    checkRefused("i,i", {{2}, {3}},
                 "extents of one label of the equation: found 3 and 2, required to be equal");
  }
}

TEST_CASE("equations of Einsum with ellipses of different ranks, spaces and empty terms") {
  const auto check = [](const std::string& equation, const std::vector<std::vector<Extent>>& shapes,
                        const std::string& shape) {
    CAPTURE(equation);
    CHECK(shapeOf(import(einsum(equation, shapes))) == shape);
  };
  check("...ij,...jk->...ik", {{5, 1, 2, 3}, {4, 3, 6}}, "[5, 4, 2, 6]");
  check(" b ... , ... -> ... b ", {{2, 3, 4}, {4}}, "[3, 4, 2]");
  check("...,...", {{2, 1}, {3}}, "[2, 3]");
  check("i...->...", {{2, 3}}, "[3]");
  check("i...i->...i", {{2, 3, 2}}, "[3, 2]");
  check(",i->i", {{}, {2}}, "[2]");
  check("ij->", {{2, 3}}, "[]");
  check("Ba", {{2, 3}}, "[2, 3]");
  check("i->...i", {{2}}, "[2]");
}
