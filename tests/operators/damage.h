// Makes models wrong.
#pragma once

#include "tests/fuzz/random.h"
#include "tests/operators/network.h"

namespace quartet::operators {

/// The network with a change that most often makes it invalid: another shape or type of a value
/// that is given, an input of a node left out or another one, an attribute gone or changed.
Network damaged(Network network, fuzz::Random& random);

}  // namespace quartet::operators
