// For every operator, how to draw a valid node of it.
#pragma once

#include <span>
#include <string_view>

#include "tests/operators/draft.h"

namespace quartet::operators {

using Recipe = void (*)(Draft&);

struct RecipeEntry {
  std::string_view type;
  Recipe draw;
};

/// Sorted by operator. A recipe serves all versions: it looks at the draft's.
std::span<const RecipeEntry> recipes();
/// Null when there is none.
Recipe recipeOf(std::string_view type);

}  // namespace quartet::operators
