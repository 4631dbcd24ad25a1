// A clean-up of the finished graph.
#pragma once

#include "frontend/onnx/folding.h"
#include "frontend/onnx/import.h"

namespace quartet::frontend {

/// The same graph with less to compute:
///  - constant factors and offsets behind a convolution or contraction with constant weights (a
///    batch normalisation, say) move into the weights and one bias;
///  - zero padding in front of a convolution becomes its pads;
///  - transpositions around a contraction become an order of its labels;
///  - equal computations are done once, unused ones not at all.
/// Needs the evaluator for the weights; without one these stay as they are. Constants must be known
/// by their data; values keep their meaning up to rounding.
ir::Module simplify(const ir::Module& graph, const Evaluator& evaluator, FoldingBudget& budget);

}  // namespace quartet::frontend
