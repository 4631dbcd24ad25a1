// Which device computes what.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::sched {

/// Whether a device can compute an expression; an error says what it lacks. Injected, because the
/// scheduler knows no backend.
using Capability = std::function<Status(const ir::TensorExpr&)>;

/// Needs: a graph of tensor expressions.
/// Gives: the same graph when `device` can compute all of it. Else every computation says where it
/// runs, {device}: on `device`, or what that cannot compute on `fallback`, with what it is
/// {lacking}; outputs that are inputs or constants become computations for that.
ir::Module place(const ir::Module& graph, const std::string& device, const std::string& fallback,
                 const Capability& supports);

/// The computations of a placed graph on `device`, in order.
std::vector<ir::OpId> placedOn(const ir::Module& graph, const std::string& device);

}  // namespace quartet::sched
