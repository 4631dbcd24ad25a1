#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

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

// ---- The equation's grammar: term{,term}[->term]; a term is letters, at most one "..." ----

bool isLetter(char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'); }

// A term as it is written.
struct Term {
  std::string text;
  Ints letters;
  std::optional<size_t> ellipsis;  // letters in front of it

  // Labels, the ellipsis standing for the last `axes` of `count` axes.
  Ints labels(int axes, int count) const {
    Ints labels = letters;
    if (!ellipsis) return labels;
    Ints open(static_cast<size_t>(axes));
    std::iota(open.begin(), open.end(), kFirstEllipsis + count - axes);
    labels.insert(labels.begin() + static_cast<std::ptrdiff_t>(*ellipsis), open.begin(),
                  open.end());
    return labels;
  }
};

Result<Term> parseTerm(const Context& c, const std::string& text) {
  Term term{text, {}, {}};
  const std::string where = "term '" + text + "' of attribute 'equation'";
  for (size_t i = 0; i < text.size(); ++i) {
    if (isLetter(text[i])) {
      term.letters.push_back(text[i]);
    } else if (text.compare(i, 3, "...") == 0) {
      if (term.ellipsis) return c.fail(where + " has more than one ellipsis");
      term.ellipsis = term.letters.size();
      i += 2;
    } else {
      return c.fail(where + " holds '" + std::string(1, text[i]) +
                    "', required are letters and at most one '...'");
    }
  }
  return term;
}

Result<std::vector<Term>> parseInputs(const Context& c, const std::string& text) {
  std::vector<Term> terms;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    terms.push_back(QT_TRY(parseTerm(c, text.substr(start, end - start))));
    start = end + 1;
  }
  if (static_cast<int>(terms.size()) != c.inputCount()) {
    return c.fail("attribute 'equation' has " + std::to_string(terms.size()) + " terms for " +
                  std::to_string(c.inputCount()) + " inputs");
  }
  for (int i = 0; i < c.inputCount(); ++i) {
    if (c.has(i)) continue;
    return c.fail("input " + std::to_string(i) +
                  " is left out, attribute 'equation' has a term for it");
  }
  return terms;
}

// The term behind "->": labels of the others, each once, and the ellipsis if they have axes for it.
Status checkOutput(const Context& c, const Term& output, const std::vector<Ints>& inputs,
                   int ellipsisAxes) {
  const std::string where = "the result '" + output.text + "' of attribute 'equation'";
  for (const int64_t letter : output.letters) {
    const std::string label = "'" + std::string(1, static_cast<char>(letter)) + "'";
    if (std::count(output.letters.begin(), output.letters.end(), letter) > 1) {
      return c.fail(where + " has label " + label + " twice");
    }
    const bool known = std::any_of(inputs.begin(), inputs.end(), [letter](const Ints& labels) {
      return std::find(labels.begin(), labels.end(), letter) != labels.end();
    });
    if (!known) return c.fail(where + " has label " + label + ", which no term has");
  }
  if (ellipsisAxes > 0 && !output.ellipsis) {
    return c.fail(where + " has no ellipsis, the terms have one of " +
                  std::to_string(ellipsisAxes) + " axes");
  }
  return {};
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

// Axes that the ellipsis of a term stands for.
Result<int> ellipsisAxes(const Context& c, const Term& term, const Tensor& x) {
  const int axes = x.rank() - static_cast<int>(term.letters.size());
  if (axes < 0 || (axes > 0 && !term.ellipsis)) {
    return c.fail("term '" + term.text + "' of attribute 'equation' does not fit shape " +
                  str(x.shape));
  }
  return axes;
}

Result<Equation> parseEquation(const Context& c) {
  QT_CHECK(c.require("equation"));
  std::string text = c.text("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  const auto terms = QT_TRY(parseInputs(c, text.substr(0, arrow)));
  std::vector<int> axes;
  for (size_t i = 0; i < terms.size(); ++i) {
    axes.push_back(QT_TRY(ellipsisAxes(c, terms[i], c.in(static_cast<int>(i)))));
  }
  const int count = *std::max_element(axes.begin(), axes.end());
  Equation equation;
  for (size_t i = 0; i < terms.size(); ++i) {
    equation.inputs.push_back(terms[i].labels(axes[i], count));
  }
  if (arrow == std::string::npos) {
    equation.output = implicitOutput(equation.inputs, count);
    return equation;
  }
  const Term output = QT_TRY(parseTerm(c, text.substr(arrow + 2)));
  QT_CHECK(checkOutput(c, output, equation.inputs, count));
  equation.output = output.labels(count, count);
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

// A label twice in one term has equal extents; between terms, an axis of extent 1 broadcasts.
Status checkTwins(const Context& c, const Tensor& x, const Ints& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t j = i + 1; j < labels.size(); ++j) {
      if (labels[i] != labels[j]) continue;
      QT_CHECK(c.agree(x.shape[i], x.shape[j], "extents of a label twice in one term"));
    }
  }
  return {};
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

Status einsum(Context& c) {
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
  for (size_t i = 0; i < operands.size(); ++i) {
    Ints& labels = equation.inputs[i];
    QT_CHECK(checkTwins(c, operands[i], labels));
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
  QT_ASSERT(labels.size() == equation.output.size(), "a label of the result was lost");
  c.set(0, permuteTo(e, result, labels, equation.output));
  return {};
}

}  // namespace

// Up to two operands are one sum of products.
Status buildEinsum(Context& c) { return c.inputCount() > 2 ? buildWidened(c, einsum) : einsum(c); }

}  // namespace quartet::frontend
