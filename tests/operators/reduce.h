// Shrinks a failing network.
#pragma once

#include <functional>

#include "tests/operators/network.h"

namespace quartet::operators {

/// A smaller network that still fails: fewer outputs, results of nodes that become inputs. `fails`
/// must be deterministic.
Network reduce(const Network& network, const std::function<bool(const Network&)>& fails);

}  // namespace quartet::operators
