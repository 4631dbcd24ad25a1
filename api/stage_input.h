// What a stage of the compiler takes, for those who run stages one by one.
#pragma once

#include <string>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::api {

/// An error (User, `where`: the file) that names the form that `stage` (one of `quartet opt`'s)
/// requires and the one that `module`, which is verified, has. Inside a compilation the order of
/// the stages sees to this; text may hold anything.
Status checkStageInput(const std::string& stage, const ir::Module& module, const std::string& file);

}  // namespace quartet::api
