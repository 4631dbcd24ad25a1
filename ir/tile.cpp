#include "ir/tile.h"

namespace quartet::ir {

namespace {

template <class T>
std::string list(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(values[i]);
  }
  return text + "]";
}

}  // namespace

std::string Tile::str() const {
  if (*this == Tile{}) return "tile()";
  return "tile(group " + list(group) + ", reg " + list(reg) +
         (stage.empty() ? "" : ", stage " + list(stage)) + ", lane " + std::to_string(laneAxis) +
         " x " + std::to_string(lanes) +
         (storeAxis < 0 ? "" : ", store " + std::to_string(storeAxis)) +
         (unit.empty() ? "" : ", unit " + list(unit)) + ", order " + list(order) + ")";
}

}  // namespace quartet::ir
