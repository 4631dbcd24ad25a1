#include "tests/fuzz/case.h"

#include "ir/text.h"

namespace quartet::fuzz {

std::string print(const Case& c) {
  std::string text;
  const auto& parameters = c.graph.region(c.graph.top()).parameters;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    text += "// %" + c.graph.value(parameters[i]).name + " = [";
    const std::vector<double> values = toDoubles(*c.inputs[i]);
    constexpr size_t kShown = 64;
    for (size_t k = 0; k < values.size() && k < kShown; ++k) {
      text += (k == 0 ? "" : ", ") + std::to_string(values[k]);
    }
    text += values.size() > kShown ? ", ...]\n" : "]\n";
  }
  for (const auto& [symbol, value] : c.symbols) {
    text += "// " + symbol + " = " + std::to_string(value) + "\n";
  }
  ir::PrintOptions options;
  options.inlineConstants = 64;
  return text + ir::print(c.graph, options);
}

}  // namespace quartet::fuzz
