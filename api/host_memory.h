// What the host can still allocate, and what a graph needs of it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::api {

/// Bytes that this process may still take: the kernel's estimate of available memory, less where a
/// control group allows less. INT64_MAX when the system does not say.
int64_t availableHostMemory();

/// Bytes of a tensor, INT64_MAX when they do not fit an int64.
int64_t tensorBytes(ir::DType dtype, const std::vector<int64_t>& shape);

/// Least bytes that evaluating a graph op by op needs: the largest set of values alive at once,
/// constants apart; for these values of its symbols.
int64_t evaluationBytes(const ir::Module& graph, const ir::SymbolValues& symbols = {});

/// An error when `bytes` exceed what the host can still allocate. `what`: "evaluating the graph".
Status checkHostMemory(int64_t bytes, const std::string& what);

/// "1.5 GiB".
std::string bytesText(int64_t bytes);

}  // namespace quartet::api
