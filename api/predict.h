// What a program's dispatches are predicted to cost.
#pragma once

#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/program.h"

namespace quartet::api {

/// Sets flops and microseconds of every dispatch from the expressions of the plan's task set of the
/// same name (one that is cut into several dispatches shares them out by groups), its bytes, and
/// the first cost model. A scalar float operation is one flop; divisions and roots count as 4,
/// other functions as the 16 that their polynomials take.
void predictCosts(const ir::Module& plan, const hwdb::Description& device,
                  runtime::Program& program);

}  // namespace quartet::api
