#include <algorithm>
#include <cctype>
#include <map>

#include "frontend/onnx/builders.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::Ints;
using ir::Opcode;

namespace {

struct Equation {
  std::vector<Ints> inputs;
  Ints output;
};

constexpr int64_t kFirstEllipsis = 1000;  // labels of the axes that an ellipsis stands for

// One term: letters, and an ellipsis for the axes that are left. `count` is the axes of an ellipsis
// over all terms; those of one term are the last ones.
Result<Ints> parseTerm(const Context& c, const std::string& term, int ellipsisAxes, int count) {
  Ints labels;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == '.') {
      if (term.compare(i, 3, "...") != 0) break;
      for (int k = count - ellipsisAxes; k < count; ++k) labels.push_back(kFirstEllipsis + k);
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(term[i])) != 0) {
      labels.push_back(term[i]);
    } else {
      return c.fail("attribute 'equation' holds '" + std::string(1, term[i]) + "'");
    }
  }
  return labels;
}

int lettersOf(const std::string& term) {
  return static_cast<int>(std::count_if(term.begin(), term.end(),
                                        [](unsigned char ch) { return std::isalpha(ch) != 0; }));
}

// Without "->": labels that occur once, in alphabetical order, behind the ellipsis.
Ints implicitOutput(const std::vector<Ints>& inputs, int ellipsisAxes) {
  std::map<int64_t, int> seen;
  for (const Ints& labels : inputs) {
    for (const int64_t label : labels) ++seen[label];
  }
  Ints output;
  for (int k = 0; k < ellipsisAxes; ++k) output.push_back(kFirstEllipsis + k);
  for (const auto& [label, times] : seen) {
    if (times == 1 && label < kFirstEllipsis) output.push_back(label);
  }
  return output;
}

Result<Equation> parseEquation(const Context& c) {
  QT_CHECK(c.require("equation"));
  std::string text = c.text("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  std::vector<std::string> terms(1);
  for (const char ch : text.substr(0, arrow)) {
    if (ch == ',') {
      terms.emplace_back();
    } else {
      terms.back() += ch;
    }
  }
  if (static_cast<int>(terms.size()) != c.inputCount()) {
    return c.fail("attribute 'equation' has " + std::to_string(terms.size()) + " terms for " +
                  std::to_string(c.inputCount()) + " inputs");
  }
  int count = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const bool ellipsis = terms[i].find("...") != std::string::npos;
    const int extra = c.in(static_cast<int>(i)).rank() - lettersOf(terms[i]);
    if (extra < 0 || (extra > 0 && !ellipsis)) {
      return c.fail("term '" + terms[i] + "' of attribute 'equation' does not fit shape " +
                    str(c.in(static_cast<int>(i)).shape));
    }
    count = std::max(count, extra);
  }
  Equation equation;
  for (size_t i = 0; i < terms.size(); ++i) {
    const int extra = c.in(static_cast<int>(i)).rank() - lettersOf(terms[i]);
    equation.inputs.push_back(QT_TRY(parseTerm(c, terms[i], extra, count)));
  }
  equation.output = arrow == std::string::npos
                        ? implicitOutput(equation.inputs, count)
                        : QT_TRY(parseTerm(c, text.substr(arrow + 2), count, count));
  return equation;
}

// A label twice in one operand: only the elements where both indices agree.
Tensor takeDiagonals(Emitter& e, Tensor x, Ints& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto twin =
        std::find(labels.begin() + static_cast<std::ptrdiff_t>(i) + 1, labels.end(), labels[i]);
    if (twin == labels.end()) continue;
    const auto j = static_cast<size_t>(twin - labels.begin());
    const ir::DType index = ir::DType::I64;
    const Tensor rows = e.indicesAlong(index, x.shape[i], static_cast<int>(i), x.rank());
    const Tensor columns = e.indicesAlong(index, x.shape[j], static_cast<int>(j), x.rank());
    const Tensor kept = e.select(e.scalar(Opcode::Eq, {rows, columns}), x, e.number(x.dtype, 0));
    x = e.reduce(Opcode::Add, kept, {static_cast<int>(j)});
    labels.erase(twin);
    --i;
  }
  return x;
}

// Sums the labels that nothing else needs.
Tensor sumUnused(Emitter& e, const Tensor& x, Ints& labels, const Ints& needed) {
  std::vector<int> axes;
  Ints kept;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool used = std::find(needed.begin(), needed.end(), labels[i]) != needed.end();
    if (used) kept.push_back(labels[i]);
    if (!used) axes.push_back(static_cast<int>(i));
  }
  labels = kept;
  return e.reduce(Opcode::Add, x, axes);
}

// Labels have one extent; axes of extent 1 that broadcast are reshaped away.
Result<Tensor> matchExtents(const Context& c, const Tensor& x, Ints& labels,
                            std::map<int64_t, Dim>& extents) {
  Dims shape;
  Ints kept;
  for (size_t i = 0; i < labels.size(); ++i) {
    const Dim& expected = extents.at(labels[i]);
    if (x.shape[i] != expected && x.shape[i] == Dim(1)) continue;
    QT_CHECK(c.agree(x.shape[i], expected, "extents of one label of the equation"));
    shape.push_back(x.shape[i]);
    kept.push_back(labels[i]);
  }
  labels = kept;
  return c.e.reshape(x, shape);
}

Tensor permuteTo(Emitter& e, const Tensor& x, const Ints& labels, const Ints& output) {
  Ints perm;
  for (const int64_t label : output) {
    perm.push_back(std::find(labels.begin(), labels.end(), label) - labels.begin());
  }
  return e.transpose(x, perm);
}

}  // namespace

Status buildEinsum(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.sameDType(c.allInputs()));
  Equation equation = QT_TRY(parseEquation(c));
  std::map<int64_t, Dim> extents;
  std::vector<Tensor> operands = c.allInputs();
  for (size_t i = 0; i < operands.size(); ++i) {
    const Ints& labels = equation.inputs[i];
    for (size_t k = 0; k < labels.size(); ++k) {
      const auto [at, fresh] = extents.emplace(labels[k], operands[i].shape[k]);
      if (!fresh && at->second == Dim(1)) at->second = operands[i].shape[k];
    }
  }
  for (const int64_t label : equation.output) {
    if (!extents.contains(label) ||
        std::count(equation.output.begin(), equation.output.end(), label) > 1) {
      return c.fail("the result of attribute 'equation' has a label that no term has, or twice");
    }
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    Ints& labels = equation.inputs[i];
    operands[i] = QT_TRY(matchExtents(c, operands[i], labels, extents));
    operands[i] = takeDiagonals(e, operands[i], labels);
  }
  // From left to right, two at a time.
  Tensor result = operands[0];
  Ints labels = equation.inputs[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    Ints needed = equation.output;
    for (size_t k = i + 1; k < operands.size(); ++k) {
      needed.insert(needed.end(), equation.inputs[k].begin(), equation.inputs[k].end());
    }
    Ints out;
    for (const Ints* side : {&labels, &equation.inputs[i]}) {
      for (const int64_t label : *side) {
        const bool wanted = std::find(needed.begin(), needed.end(), label) != needed.end();
        if (wanted && std::find(out.begin(), out.end(), label) == out.end()) out.push_back(label);
      }
    }
    if (i + 1 == operands.size() && out.size() == equation.output.size()) out = equation.output;
    result = e.contract(result, labels, operands[i], equation.inputs[i], out);
    labels = out;
  }
  result = sumUnused(e, result, labels, equation.output);
  if (labels.size() != equation.output.size()) {
    return c.failUnsupported("an axis of extent 1 that all terms broadcast is not supported");
  }
  c.set(0, permuteTo(e, result, labels, equation.output));
  return {};
}

}  // namespace quartet::frontend
